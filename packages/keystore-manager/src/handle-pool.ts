import { timeBudgets } from "@apeiro-cmk/host-call"
import type { CallOptions, Clock, KeystoreV1, Logger } from "@apeiro-cmk/plugin-interface"
import {
  abortable,
  callOptions,
  defaultKeystorePoolBounds,
  type HeldKeystore,
  KeystorePool,
  type KeystorePoolBounds,
} from "@apeiro-cmk/plugin-sdk"
import { inputOf } from "./configuration.ts"
import { pluginFor } from "./document.ts"
import { type KeystoreTarget, nameOf } from "./keystore-target.ts"
import { openKeystore } from "./open-keystore.ts"
import type { CredentialPort, KeystorePluginCatalog } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

/** Services that the pool uses. */
interface HandlePoolServices {
  readonly catalog: KeystorePluginCatalog
  readonly credentials: CredentialPort
  readonly clock: Clock
  readonly logger: Logger
  readonly bounds?: KeystorePoolBounds
}

/** Holds the opened keystores of this host: one for each saved keystore, in its newest revision. */
export class HandlePool {
  readonly #services: HandlePoolServices
  readonly #pool: KeystorePool<KeystoreRecord>

  constructor(services: HandlePoolServices) {
    this.#services = services
    const { bounds = defaultKeystorePoolBounds, clock, logger } = services
    this.#pool = new KeystorePool({ bounds, clock, logger })
  }

  /** Uses the handle of a keystore, which is opened first where it is not open. */
  use<T>(record: KeystoreRecord, call: CallOptions, work: (keystore: KeystoreV1) => Promise<T>): Promise<T> {
    return this.#pool.use(this.#wanted(record, call), call.signal, work)
  }

  /** Holds the handle until `release`, for work that is more than one promise. @param call - begins the opening */
  hold(record: KeystoreRecord, call: CallOptions): HeldKeystore {
    return this.#pool.hold(this.#wanted(record, call))
  }

  /** Closes the handle of a keystore that was changed or removed, once the last call on it has ended. */
  retire(target: KeystoreTarget): void {
    this.#pool.retire(nameOf(target))
  }

  /** Closes all handles, and waits for their calls for a moment. Idempotent. */
  close(): Promise<void> {
    return this.#pool.close()
  }

  #wanted(record: KeystoreRecord, call: CallOptions) {
    return {
      name: nameOf(record),
      tenantId: record.tenantId,
      tag: record,
      serves: (present: KeystoreRecord) => serves(present, record),
      open: () => this.#open(record, call),
    }
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
}

/** A newer revision of the same keystore also serves an older reading of it; a keystore added again under its id does not. */
function serves(present: KeystoreRecord, wanted: KeystoreRecord): boolean {
  return present.createdAtMs === wanted.createdAtMs && present.revision >= wanted.revision
}
