import { createHash } from "node:crypto"
import type { JsonValue, KeystoreV1 } from "@apeiro-cmk/plugin-interface"

/** Keystores that are open, by their configuration: the upstream host sends the whole configuration with each call. */
export interface KeystoreHandles {
  /** Opens the keystore, or takes the one that is open, and keeps it open as long as the work lasts. */
  use<T>(configuration: Configuration, work: (keystore: KeystoreV1) => Promise<T>): Promise<T>
  /** Closes each when its last work has ended. */
  close(): Promise<void>
}

type Configuration = Readonly<Record<string, JsonValue>>

interface Handle {
  readonly opening: Promise<KeystoreV1>
  users: number
  lastUsedAtMs: number
  isDropped: boolean
}

/** How many stay open, and how long without use. */
export interface HandleBounds {
  readonly maximumOpen: number
  readonly idleMs: number
}

const sweepsPerIdleTime = 10

export const defaultHandleBounds: HandleBounds = { maximumOpen: 256, idleMs: 10 * 60 * 1000 }

/**
 * Makes the handles. Calls with the same configuration share one opening; one that fails is forgotten, so that the next
 * call tries anew. What is idle too long, or is used least recently of too many, is closed.
 */
export function createKeystoreHandles(
  open: (configuration: Configuration) => Promise<KeystoreV1>,
  nowMs: () => number,
  { maximumOpen, idleMs }: HandleBounds = defaultHandleBounds,
): KeystoreHandles {
  /** Least recently used first. */
  const handles = new Map<string, Handle>()

  const closeUnused = async (handle: Handle): Promise<void> => {
    if (!handle.isDropped || handle.users > 0) return
    await handle.opening.then(
      (keystore) => keystore.close(),
      () => undefined,
    )
  }

  const drop = async (name: string, handle: Handle): Promise<void> => {
    if (handles.get(name) === handle) handles.delete(name)
    handle.isDropped = true
    await closeUnused(handle)
  }

  let lastSweepMs = nowMs()
  const sweep = async (): Promise<void> => {
    // A look at all of them is not for every call.
    if (handles.size <= maximumOpen && nowMs() - lastSweepMs < idleMs / sweepsPerIdleTime) return
    lastSweepMs = nowMs()
    const tooOld = nowMs() - idleMs
    const idle = [...handles].filter(([, handle]) => handle.users === 0)
    const surplus = handles.size - maximumOpen
    await Promise.all(
      idle.flatMap(([name, handle], index) =>
        index < surplus || handle.lastUsedAtMs < tooOld ? [drop(name, handle)] : [],
      ),
    )
  }

  return {
    async use(configuration, work) {
      const name = digestOf(configuration)
      const handle = handles.get(name) ?? { opening: open(configuration), users: 0, lastUsedAtMs: 0, isDropped: false }
      handles.delete(name)
      handles.set(name, handle)
      handle.users += 1
      try {
        const keystore = await handle.opening.catch(async (error: unknown) => {
          await drop(name, handle)
          throw error
        })
        return await work(keystore)
      } finally {
        handle.users -= 1
        handle.lastUsedAtMs = nowMs()
        await closeUnused(handle)
        await sweep()
      }
    },
    async close() {
      await Promise.all([...handles].map(([name, handle]) => drop(name, handle)))
    },
  }
}

/** The same for the same configuration, whatever the order of its members; a secret in it cannot be read back. */
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
