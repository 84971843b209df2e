import { timeBudgets } from "@apeiro-cmk/host-call"
import { type CallOptions, type Clock, isCodedError, type KeystoreV1, type Logger } from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions, pluginError } from "@apeiro-cmk/plugin-sdk"
import { inputOf } from "./configuration.ts"
import { pluginFor } from "./document.ts"
import { type KeystoreTarget, nameOf } from "./keystore-target.ts"
import { openKeystore } from "./open-keystore.ts"
import type { CredentialPort, KeystorePluginCatalog } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

/** A handle that stays open until `release`. */
export interface HeldHandle {
  readonly keystore: Promise<KeystoreV1>
  release(): void
}

interface Handle {
  readonly record: KeystoreRecord
  readonly opening: Promise<KeystoreV1>
  users: number
  retired: boolean
}

/** Services that the pool uses. */
interface HandlePoolServices {
  readonly catalog: KeystorePluginCatalog
  readonly credentials: CredentialPort
  readonly clock: Clock
  readonly logger: Logger
}

/** Holds the opened keystores of this host: one for each saved keystore, in its newest revision. */
export class HandlePool {
  readonly #services: HandlePoolServices
  readonly #current = new Map<string, Handle>()
  readonly #closings = new Set<Promise<void>>()
  #closed = false

  constructor(services: HandlePoolServices) {
    this.#services = services
  }

  /** Uses the handle of a keystore, which is opened first where it is not open. */
  async use<T>(record: KeystoreRecord, call: CallOptions, work: (keystore: KeystoreV1) => Promise<T>): Promise<T> {
    const held = this.hold(record, call)
    try {
      return await work(await abortable(held.keystore, call.signal))
    } finally {
      held.release()
    }
  }

  /** Holds the handle until `release`, for work that is more than one promise. @param call - begins the opening */
  hold(record: KeystoreRecord, call: CallOptions): HeldHandle {
    const handle = this.#acquire(record, call)
    handle.users += 1
    let held = true
    return {
      keystore: handle.opening,
      release: () => {
        if (!held) return
        held = false
        handle.users -= 1
        if (handle.retired && handle.users === 0) this.#close(handle)
      },
    }
  }

  /** Closes the handle of a keystore that was changed or removed, once the last call on it has ended. */
  retire(target: KeystoreTarget): void {
    const handle = this.#current.get(nameOf(target))
    if (handle !== undefined) this.#retire(nameOf(target), handle)
  }

  /** Closes all handles, even while calls are running on them. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    for (const [name, handle] of [...this.#current]) {
      this.#current.delete(name)
      handle.retired = true
      // The releases of its users must not close it again.
      handle.users = Number.POSITIVE_INFINITY
      this.#close(handle)
    }
    await Promise.all(this.#closings)
  }

  #acquire(record: KeystoreRecord, call: CallOptions): Handle {
    if (this.#closed)
      throw pluginError("CANCELLED", "The host is stopping.", "Try again once it has started.", { origin: "host" })
    const name = nameOf(record)
    const present = this.#current.get(name)
    if (present !== undefined && serves(present.record, record)) return present
    if (present !== undefined) this.#retire(name, present)
    const handle: Handle = { record, opening: this.#open(record, call), users: 0, retired: false }
    this.#current.set(name, handle)
    // A failure is not kept: the next call tries again.
    handle.opening.catch(() => this.#retire(name, handle))
    return handle
  }

  /** Opens under its own deadline, and in the name of the request that began it: others may wait when that one gives up. */
  async #open(record: KeystoreRecord, { requestId, traceparent }: CallOptions): Promise<KeystoreV1> {
    const { catalog, credentials, clock } = this.#services
    const { tenantId, keystoreId, pluginType } = record
    const plugin = pluginFor(catalog, pluginType)
    const call = callOptions({
      ...{ tenantId, requestId, keystoreId, clock },
      ...(traceparent === undefined ? {} : { traceparent }),
      timeoutMs: timeBudgets.keystoreOpening.limitMs,
    })
    try {
      return await abortable(openKeystore(plugin, inputOf(record, credentials), call), call.signal)
    } finally {
      call.dispose()
    }
  }

  #retire(name: string, handle: Handle): void {
    if (this.#current.get(name) === handle) this.#current.delete(name)
    if (handle.retired) return
    handle.retired = true
    if (handle.users === 0) this.#close(handle)
  }

  #close(handle: Handle): void {
    const { tenantId, keystoreId } = handle.record
    const closing = handle.opening
      .then((keystore) => keystore.close())
      .catch((error: unknown) => {
        // A handle that never opened has nothing to release, and its callers have the reason.
        const code = isCodedError(error) ? error.code : "INTERNAL"
        this.#services.logger.debug("keystore handle ended with an error", { tenantId, keystoreId, code })
      })
      .finally(() => this.#closings.delete(closing))
    this.#closings.add(closing)
  }
}

/** A newer revision of the same keystore also serves an older reading of it; a keystore added again under its id does not. */
function serves(present: KeystoreRecord, wanted: KeystoreRecord): boolean {
  return present.createdAtMs === wanted.createdAtMs && present.revision >= wanted.revision
}
