import type { Clock } from "@apeiro-cmk/plugin-interface"
import { type ResolvedAddress, unansweredName, unknownName } from "./host-lookup.ts"

/** State of a name: its addresses, or that there are none. */
export type KnownName = readonly ResolvedAddress[] | "unknown" | "unanswered"

interface Entry {
  readonly known: KnownName
  readonly endsAtMs: number
}

const mostNamesPerOwner = 64
const mostOwners = 8_192

/** Names that were looked up lately, by owner: no owner's names push out those of another. */
export class NameCache {
  readonly #clock: Clock
  /** Least recently used first, owners and names alike. */
  readonly #owners = new Map<string, Map<string, Entry>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(owner: string, name: string): KnownName | undefined {
    const names = this.#owners.get(owner)
    const entry = names?.get(name)
    if (names === undefined || entry === undefined) return undefined
    if (entry.endsAtMs <= this.#clock.monotonicMs()) {
      names.delete(name)
      return undefined
    }
    refresh(names, name, entry)
    refresh(this.#owners, owner, names)
    return entry.known
  }

  /** Remembers a name for some milliseconds. */
  set(owner: string, name: string, known: KnownName, lifeMs: number): void {
    if (lifeMs <= 0) return
    const names = this.#owners.get(owner) ?? new Map<string, Entry>()
    refresh(names, name, { known, endsAtMs: this.#clock.monotonicMs() + lifeMs })
    dropOldest(names, mostNamesPerOwner)
    refresh(this.#owners, owner, names)
    dropOldest(this.#owners, mostOwners)
  }
}

/** Returns the addresses of a known name. @throws {Error} ENOTFOUND, EAI_AGAIN */
export function addressesOf(known: KnownName): readonly ResolvedAddress[] {
  if (known === "unknown") throw unknownName()
  if (known === "unanswered") throw unansweredName()
  return known
}

function refresh<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys()
  if (map.size > most && oldest !== undefined) map.delete(oldest)
}
