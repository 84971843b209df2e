import type { Clock } from "@apeiro-cmk/plugin-interface"
import { TenantMemory } from "../../keystore/tenant-memory.ts"
import { type ResolvedAddress, unansweredName, unknownName } from "./host-lookup.ts"

/** State of a name: its addresses, or that there are none. */
export type KnownName = readonly ResolvedAddress[] | "unknown" | "unanswered"

interface Entry {
  readonly known: KnownName
  readonly endsAtMs: number
}

const mostNamesPerOwner = 64

/** Names that were looked up lately, by owner: no owner's names push out those of another. */
export class NameCache {
  readonly #clock: Clock
  readonly #names = new TenantMemory<Entry>(mostNamesPerOwner)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(owner: string, name: string): KnownName | undefined {
    const entry = this.#names.get(owner, name)
    if (entry === undefined || entry.endsAtMs > this.#clock.monotonicMs()) return entry?.known
    this.#names.delete(owner, name)
    return undefined
  }

  /** Remembers a name for some milliseconds. */
  set(owner: string, name: string, known: KnownName, lifeMs: number): void {
    if (lifeMs > 0) this.#names.set(owner, name, { known, endsAtMs: this.#clock.monotonicMs() + lifeMs })
  }
}

/** Returns the addresses of a known name. @throws {Error} ENOTFOUND, EAI_AGAIN */
export function addressesOf(known: KnownName): readonly ResolvedAddress[] {
  if (known === "unknown") throw unknownName()
  if (known === "unanswered") throw unansweredName()
  return known
}
