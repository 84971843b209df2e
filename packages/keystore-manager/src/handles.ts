import { randomUUID } from "node:crypto"
import { type Clock, isCodedError, type KeystoreV1, type Logger } from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions, pluginError } from "@apeiro-cmk/plugin-sdk"
import { inputOf } from "./configuration.ts"
import { pluginFor } from "./document.ts"
import { type KeystoreTarget, nameOf } from "./health.ts"
import { openKeystore } from "./open-keystore.ts"
import type { CredentialPort, KeystorePluginCatalog } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

/** The opened keystores of this host: one for each saved keystore, in its newest revision. */
export interface HandlePool {
  /** Uses the handle of a keystore; opens it first where it is not open yet. */
  use<T>(record: KeystoreRecord, signal: AbortSignal, work: (keystore: KeystoreV1) => Promise<T>): Promise<T>
  /** Holds the handle until `release`, for work that is no single promise. */
  hold(record: KeystoreRecord): HeldHandle
  /** Closes the handle of a keystore that was changed or removed, when the last call on it has ended. */
  retire(target: KeystoreTarget): void
  /** Closes all of them, also under calls in flight. */
  close(): Promise<void>
}

/** A handle that will not be closed before `release`. */
interface HeldHandle {
  readonly keystore: Promise<KeystoreV1>
  release(): void
}

interface Handle {
  readonly record: KeystoreRecord
  readonly opening: Promise<KeystoreV1>
  users: number
  retired: boolean
}

interface HandlePoolOptions {
  readonly catalog: KeystorePluginCatalog
  readonly credentials: CredentialPort
  readonly clock: Clock
  readonly logger: Logger
  readonly openTimeoutMs: number
}

export function createHandlePool({
  catalog,
  credentials,
  clock,
  logger,
  openTimeoutMs,
}: HandlePoolOptions): HandlePool {
  const current = new Map<string, Handle>()
  const closings = new Set<Promise<void>>()
  let closed = false

  /** Opening has a deadline of its own: the caller that happens to be first may give up, the others wait on. */
  const open = async (record: KeystoreRecord): Promise<KeystoreV1> => {
    const plugin = pluginFor(catalog, record.pluginType)
    const { tenantId, keystoreId } = record
    const call = callOptions({ tenantId, requestId: randomUUID(), keystoreId, timeoutMs: openTimeoutMs, clock })
    try {
      return await abortable(openKeystore(plugin, inputOf(record, credentials), call), call.signal)
    } finally {
      call.dispose()
    }
  }

  const closeNow = (handle: Handle): void => {
    const { tenantId, keystoreId } = handle.record
    const closing = handle.opening
      .then((keystore) => keystore.close())
      .catch((error: unknown) => {
        // A handle that never opened has nothing to give back; its callers were told why.
        const code = isCodedError(error) ? error.code : "INTERNAL"
        logger.debug("keystore handle ended with an error", { tenantId, keystoreId, code })
      })
      .finally(() => closings.delete(closing))
    closings.add(closing)
  }

  const retireHandle = (name: string, handle: Handle): void => {
    if (current.get(name) === handle) current.delete(name)
    if (handle.retired) return
    handle.retired = true
    if (handle.users === 0) closeNow(handle)
  }

  const acquire = (record: KeystoreRecord): Handle => {
    if (closed)
      throw pluginError("CANCELLED", "The host is stopping.", "Try again once it has started.", { origin: "host" })
    const name = nameOf(record)
    const present = current.get(name)
    if (present !== undefined && serves(present.record, record)) return present
    if (present !== undefined) retireHandle(name, present)
    const handle: Handle = { record, opening: open(record), users: 0, retired: false }
    current.set(name, handle)
    // A failure is not kept: the next call tries again.
    handle.opening.catch(() => retireHandle(name, handle))
    return handle
  }

  const hold = (record: KeystoreRecord): HeldHandle => {
    const handle = acquire(record)
    handle.users += 1
    let held = true
    return {
      keystore: handle.opening,
      release() {
        if (!held) return
        held = false
        handle.users -= 1
        if (handle.retired && handle.users === 0) closeNow(handle)
      },
    }
  }

  return {
    hold,
    async use(record, signal, work) {
      const held = hold(record)
      try {
        return await work(await abortable(held.keystore, signal))
      } finally {
        held.release()
      }
    },
    retire(target) {
      const handle = current.get(nameOf(target))
      if (handle !== undefined) retireHandle(nameOf(target), handle)
    },
    async close() {
      closed = true
      for (const [name, handle] of [...current]) {
        current.delete(name)
        handle.retired = true
        // Its users' releases must not close it again.
        handle.users = Number.POSITIVE_INFINITY
        closeNow(handle)
      }
      await Promise.all(closings)
    },
  }
}

/** A newer revision of the same keystore serves an older reading of it too; one added again under its id does not. */
function serves(present: KeystoreRecord, wanted: KeystoreRecord): boolean {
  return present.createdAtMs === wanted.createdAtMs && present.revision >= wanted.revision
}
