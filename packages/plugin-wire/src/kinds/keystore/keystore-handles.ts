import { createHash } from "node:crypto"
import type { JsonValue, KeystoreV1 } from "@apeiro-cmk/plugin-interface"

type Configuration = Readonly<Record<string, JsonValue>>

interface Handle {
  readonly opening: Promise<KeystoreV1>
  users: number
  lastUsedAtMs: number
  isDropped: boolean
}

/** Bounds of {@link KeystoreHandles}: how many keystores stay open, and how long without use. */
export interface HandleBounds {
  readonly maximumOpen: number
  readonly idleMs: number
}

const sweepsPerIdleTime = 10

const defaultHandleBounds: HandleBounds = { maximumOpen: 256, idleMs: 10 * 60 * 1000 }

/**
 * Open keystores by their configuration: the upstream host sends the whole configuration with each call. Calls with the
 * same configuration share one opening; one that fails is forgotten, so that the next call tries again. A keystore that
 * is idle too long, or is used least recently of too many, is closed.
 */
export class KeystoreHandles {
  /** Least recently used first. */
  readonly #handles = new Map<string, Handle>()
  readonly #open: (configuration: Configuration) => Promise<KeystoreV1>
  readonly #nowMs: () => number
  readonly #bounds: HandleBounds
  #lastSweepMs: number

  constructor(
    open: (configuration: Configuration) => Promise<KeystoreV1>,
    nowMs: () => number,
    bounds: HandleBounds = defaultHandleBounds,
  ) {
    this.#open = open
    this.#nowMs = nowMs
    this.#bounds = bounds
    this.#lastSweepMs = nowMs()
  }

  /** Opens the keystore, or takes the one that is open, and keeps it open until the work ends. */
  async use<T>(configuration: Configuration, work: (keystore: KeystoreV1) => Promise<T>): Promise<T> {
    const name = digestOf(configuration)
    const handle = this.#handles.get(name) ?? this.#newHandle(configuration)
    this.#handles.delete(name)
    this.#handles.set(name, handle)
    handle.users += 1
    try {
      const keystore = await handle.opening.catch(async (error: unknown) => {
        await this.#drop(name, handle)
        throw error
      })
      return await work(keystore)
    } finally {
      handle.users -= 1
      handle.lastUsedAtMs = this.#nowMs()
      await closeUnused(handle)
      await this.#sweep()
    }
  }

  /** Closes each keystore when the last work with it has ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#handles].map(([name, handle]) => this.#drop(name, handle)))
  }

  #newHandle(configuration: Configuration): Handle {
    return { opening: this.#open(configuration), users: 0, lastUsedAtMs: 0, isDropped: false }
  }

  async #drop(name: string, handle: Handle): Promise<void> {
    if (this.#handles.get(name) === handle) this.#handles.delete(name)
    handle.isDropped = true
    await closeUnused(handle)
  }

  /** Looks at all handles now and then only, not in every call. */
  async #sweep(): Promise<void> {
    const { maximumOpen, idleMs } = this.#bounds
    const nowMs = this.#nowMs()
    if (this.#handles.size <= maximumOpen && nowMs - this.#lastSweepMs < idleMs / sweepsPerIdleTime) return
    this.#lastSweepMs = nowMs
    const idle = [...this.#handles].filter(([, handle]) => handle.users === 0)
    const surplus = this.#handles.size - maximumOpen
    await Promise.all(
      idle.flatMap(([name, handle], index) =>
        index < surplus || handle.lastUsedAtMs < nowMs - idleMs ? [this.#drop(name, handle)] : [],
      ),
    )
  }
}

async function closeUnused(handle: Handle): Promise<void> {
  if (!handle.isDropped || handle.users > 0) return
  await handle.opening.then(
    (keystore) => keystore.close(),
    () => undefined,
  )
}

/** The same for the same configuration, in whatever order its members come; a secret in it cannot be read from it. */
function digestOf(configuration: Configuration): string {
  return createHash("sha256")
    .update(JSON.stringify(ordered(configuration)))
    .digest("hex")
}

function ordered(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).map(([name, each]): [string, JsonValue] => [name, ordered(each)])
  return entries.sort(([left], [right]) => (left < right ? -1 : 1))
}
