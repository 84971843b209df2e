import type { HostCall } from "@apeiro-cmk/audit-log"
import { type ConnectionStep, isCodedError, type KeystoreV1, type Logger } from "@apeiro-cmk/plugin-interface"
import type { AuditTrail, KeystoreAct } from "./audit-trail.ts"
import { nameIn } from "./changes.ts"
import { checkConfiguration } from "./configuration.ts"
import { type ConnectionTestTools, runConnectionTest } from "./connection-test.ts"
import { pluginFor, readDocument } from "./document.ts"
import type { HandlePool } from "./handles.ts"
import { openKeystore } from "./open-keystore.ts"
import type { CredentialPort, KeystorePluginCatalog, KeystoreRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

interface TestTools extends ConnectionTestTools {
  readonly catalog: KeystorePluginCatalog
  readonly repository: KeystoreRepository
  readonly credentials: CredentialPort
  readonly handles: HandlePool
  readonly trail: AuditTrail
  readonly logger: Logger
}

/** Connection tests, each with its audit entry. A test never claims an L1 key. */
export interface KeystoreTests {
  saved(record: KeystoreRecord, call: HostCall): AsyncIterable<ConnectionStep>
  unsaved(tenantId: string, document: unknown, call: HostCall): AsyncIterable<ConnectionStep>
}

export function createKeystoreTests(tools: TestTools): KeystoreTests {
  const { catalog, repository, credentials, handles, policy, trail, logger } = tools

  /** The stream ends when the entry is durable; a consumer that leaves early is recorded as such. */
  async function* audited(
    steps: AsyncIterable<ConnectionStep>,
    act: KeystoreAct,
    call: HostCall,
  ): AsyncGenerator<ConnectionStep, void, void> {
    const outcomes: Record<string, string> = {}
    let code: string | undefined = "CANCELLED"
    try {
      let failedCode: string | undefined
      for await (const step of steps) {
        outcomes[step.name] = step.outcome
        if (step.outcome === "failed") failedCode ??= step.code ?? "INTERNAL"
        yield step
      }
      code = failedCode
    } finally {
      const facts = { ...act.facts, steps: outcomes }
      await trail.record({ ...act, facts }, code === undefined ? undefined : { code }, call)
    }
  }

  /** Opens what a document describes, for this test alone. */
  const openUnsaved = async (tenantId: string, document: unknown, call: HostCall): Promise<KeystoreV1> => {
    const { plugin_type, plugin_name, configuration } = readDocument(document)
    const plugin = pluginFor(catalog, plugin_type)
    const stored = await repository.keystore(tenantId, plugin_name)
    const previous = stored?.pluginType === plugin_type ? stored : undefined
    const { input } = checkConfiguration(plugin, credentials, configuration, previous)
    return policy.run(undefined, call, (options) => openKeystore(plugin, input, options))
  }

  return {
    async *saved(record, call) {
      const { tenantId, keystoreId, revision } = record
      const act: KeystoreAct = { action: "keystoreTest", tenantId, keystoreId, revision, facts: { saved: true } }
      const held = await trail.attempt(act, call, async () => handles.hold(record))
      try {
        yield* audited(runConnectionTest(held.keystore, record, call, tools), act, call)
      } finally {
        held.release()
      }
    },

    async *unsaved(tenantId, document, call) {
      const act: KeystoreAct = {
        action: "keystoreTest",
        tenantId,
        keystoreId: nameIn(document),
        facts: { saved: false },
      }
      const keystore = await trail.attempt(act, call, () => openUnsaved(tenantId, document, call))
      try {
        yield* audited(runConnectionTest(Promise.resolve(keystore), undefined, call, tools), act, call)
      } finally {
        await keystore.close().catch((error: unknown) => {
          const code = isCodedError(error) ? error.code : "INTERNAL"
          logger.warn("a tested keystore could not be closed", { tenantId, code })
        })
      }
    },
  }
}
