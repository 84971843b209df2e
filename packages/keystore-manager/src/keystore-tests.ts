import { type EventFailure, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import { type ConnectionStep, isCodedError, type KeystoreV1, type Logger } from "@apeiro-cmk/plugin-interface"
import type { AuditTrail, KeystoreAct } from "./audit-trail.ts"
import { checkConfiguration } from "./configuration.ts"
import { type ConnectionTestServices, runConnectionTest } from "./connection-test.ts"
import { nameIn, pluginFor, readDocument } from "./document.ts"
import type { HandlePool } from "./handle-pool.ts"
import { openKeystore } from "./open-keystore.ts"
import type { CredentialPort, KeystorePluginCatalog, KeystoreRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"
import { stepError } from "./step-errors.ts"

/** Services that tests use. */
interface TestServices extends ConnectionTestServices {
  readonly catalog: KeystorePluginCatalog
  readonly repository: KeystoreRepository
  readonly credentials: CredentialPort
  readonly handles: HandlePool
  readonly trail: AuditTrail
  readonly logger: Logger
}

/** Runs connection tests, each with its audit entry. A test never claims an L1 key. */
export class KeystoreTests {
  readonly #services: TestServices

  constructor(services: TestServices) {
    this.#services = services
  }

  /** Tests a saved keystore. */
  async *saved(record: KeystoreRecord, call: HostCall): AsyncGenerator<ConnectionStep, void, void> {
    const { handles } = this.#services
    const { tenantId, keystoreId, revision } = record
    const act: KeystoreAct = { action: "keystoreTest", tenantId, keystoreId, revision, facts: { saved: true } }
    const named = { ...call, keystoreId }
    let held: ReturnType<HandlePool["hold"]> | undefined
    const open = () => {
      held ??= handles.hold(record, named)
      return held.keystore
    }
    try {
      yield* this.#audited(runConnectionTest(open, record, named, this.#services), act, call)
    } finally {
      held?.release()
    }
  }

  /** Tests a document that is not saved. */
  async *unsaved(tenantId: string, document: unknown, call: HostCall): AsyncGenerator<ConnectionStep, void, void> {
    const { logger, trail } = this.#services
    const keystoreId = nameIn(document)
    const act: KeystoreAct = { action: "keystoreTest", tenantId, keystoreId, facts: { saved: false } }
    const named = { ...call, keystoreId }
    const keystore = await trail.attempt(act, call, () => this.#openUnsaved(tenantId, document, named))
    try {
      yield* this.#audited(
        runConnectionTest(async () => keystore, undefined, named, this.#services),
        act,
        call,
      )
    } finally {
      await keystore.close().catch((error: unknown) => {
        const code = isCodedError(error) ? error.code : "INTERNAL"
        logger.warn("a tested keystore could not be closed", { tenantId, code })
      })
    }
  }

  /** The stream ends once the entry is durable. A consumer that leaves early is recorded as `CANCELLED`. */
  async *#audited(
    steps: AsyncIterable<ConnectionStep>,
    act: KeystoreAct,
    call: HostCall,
  ): AsyncGenerator<ConnectionStep, void, void> {
    const outcomes: Record<string, string> = {}
    let failure: EventFailure | undefined = { outcome: "failure", code: "CANCELLED", origin: "caller" }
    try {
      let failed: ConnectionStep | undefined
      for await (const step of steps) {
        outcomes[step.name] = step.outcome
        if (step.outcome === "failed") failed ??= step
        yield step
      }
      failure = failed === undefined ? undefined : failureOf(stepError(failed))
    } finally {
      await this.#services.trail.record({ ...act, facts: { ...act.facts, steps: outcomes } }, failure, call)
    }
  }

  /** Opens the keystore of a document, for this test alone. */
  async #openUnsaved(tenantId: string, document: unknown, call: HostCall): Promise<KeystoreV1> {
    const { caller, catalog, credentials, repository } = this.#services
    const { plugin_type, plugin_name, configuration } = readDocument(document)
    const plugin = pluginFor(catalog, plugin_type)
    const stored = await repository.keystore(tenantId, plugin_name)
    const previous = stored?.pluginType === plugin_type ? stored : undefined
    const { input } = checkConfiguration(plugin, credentials, configuration, previous)
    return caller.call(undefined, call, (options) => openKeystore(plugin, input, options))
  }
}
