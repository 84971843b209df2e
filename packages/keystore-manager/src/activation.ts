import type { HostCall } from "@apeiro-cmk/audit-log"
import type { PreparedTenantKey } from "@apeiro-cmk/key-hierarchy"
import type { Clock, ConnectionStep, JsonValue, KeyDescription } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { AuditTrail, KeystoreAct } from "./audit-trail.ts"
import type { CallPolicy } from "./call-policy.ts"
import { pluginFor } from "./document.ts"
import { alreadyClaimed, anotherActive, fromPersistence, hasCode, keystoreNotFound, managerError } from "./errors.ts"
import type { HandlePool } from "./handles.ts"
import { nameOf } from "./health.ts"
import type { OperationBudgets } from "./operation-budget.ts"
import type { KeystorePluginCatalog, KeystoreRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"
import { stepError } from "./step-errors.ts"

/**
 * The answer of an activation, flat JSON as in the story: the host's four fields, and what the plugin's connection steps
 * found out, each declared in its manifest's `activationFacts`.
 */
export interface ActivationAnswer {
  readonly status: "connection_successful"
  readonly plugin_status: "active"
  /** `plugin_type` of the keystore that holds the L1 key. */
  readonly l1_key_location: string
  /** A key was wrapped and unwrapped by the L1 key just now. */
  readonly key_operations_ready: true
  readonly [fact: string]: JsonValue
}

interface ActivationTools {
  readonly catalog: KeystorePluginCatalog
  readonly repository: KeystoreRepository
  readonly handles: HandlePool
  readonly policy: CallPolicy
  readonly budgets: OperationBudgets
  readonly renewalsPerHour: (tenantId: string) => Promise<number>
  readonly trail: AuditTrail
  readonly clock: Clock
  readonly mode: "development" | "production"
  readonly activating: Map<string, string>
  readonly testSaved: (record: KeystoreRecord, call: HostCall) => AsyncIterable<ConnectionStep>
  readonly prepareTenantKey: (tenantId: string, keystoreId: string, call: HostCall) => Promise<PreparedTenantKey>
}

/** Activates a keystore: test, identity, tenant key with a real round trip, then claim and state in one transaction. */
export type Activate = (tenantId: string, keystoreId: string, call: HostCall) => Promise<ActivationAnswer>

export function createActivation(tools: ActivationTools): Activate {
  const { catalog, repository, handles, policy, budgets, renewalsPerHour, trail, clock, mode, activating } = tools
  const { testSaved, prepareTenantKey } = tools

  const describe = (record: KeystoreRecord, call: HostCall): Promise<KeyDescription> =>
    policy.run(record, call, (options) =>
      handles.use(record, options.signal, (keystore) => keystore.describeKey(keystore.defaultKey, options)),
    )

  /** While this runs, the L1 port lets the not yet active keystore wrap under the identity that was just described. */
  const prepare = async (record: KeystoreRecord, identity: string, call: HostCall): Promise<PreparedTenantKey> => {
    activating.set(nameOf(record), identity)
    try {
      return await prepareTenantKey(record.tenantId, record.keystoreId, call)
    } finally {
      activating.delete(nameOf(record))
    }
  }

  const store = async (record: KeystoreRecord, keyIdentity: string, tenantKey: PreparedTenantKey, call: HostCall) => {
    const { tenantId, keystoreId, pluginType, revision, createdAtMs } = record
    const activation = {
      tenantId,
      keystoreId,
      pluginType,
      revision,
      createdAtMs,
      keyIdentity,
      tenantKey,
      activatedAtMs: clock.nowMs(),
    }
    const act = {
      action: "keystoreActivate",
      tenantId,
      keystoreId,
      revision,
      facts: { key_identity: keyIdentity },
    } as const
    try {
      await repository.activateKeystore(activation, [trail.success(act, call)])
    } catch (error) {
      const now = await repository.keystore(tenantId, keystoreId)
      // Another replica activated the same keystore meanwhile: that is what was asked for.
      if (now?.state !== "active" || now.keyIdentity !== keyIdentity) {
        throw hasCode(error, "ALREADY_EXISTS") ? anotherActive() : fromPersistence(error, keystoreId)
      }
      await trail.record(act, undefined, call)
    }
  }

  return async (tenantId, keystoreId, call) => {
    const act: KeystoreAct = { action: "keystoreActivate", tenantId, keystoreId }
    return trail.attempt(act, call, async () => {
      const keystores = await repository.keystores(tenantId)
      const record = keystores.find((each) => each.keystoreId === keystoreId)
      if (record === undefined) throw keystoreNotFound(keystoreId)
      if (keystores.some((each) => each.state === "active" && each !== record)) throw anotherActive()
      const { manifest } = pluginFor(catalog, record.pluginType).definition
      budgets.requireRoom(record, await renewalsPerHour(tenantId))
      const steps: ConnectionStep[] = []
      for await (const step of testSaved(record, call)) steps.push(step)
      requirePassed(steps)
      if (record.state === "active") {
        await trail.record({ ...act, revision: record.revision, facts: { already_active: true } }, undefined, call)
      } else {
        const description = await describe(record, call)
        const { identity } = requireUsable(description)
        if (mode === "production") requireNotExportable(description)
        const owner = await repository.claimOwner(record.pluginType, identity)
        if (owner !== undefined && owner !== tenantId) throw alreadyClaimed()
        await store(record, identity, await prepare(record, identity, call), call)
      }
      return answerOf(record.pluginType, steps, Object.keys(manifest.activationFacts))
    })
  }
}

function requirePassed(steps: readonly ConnectionStep[]): void {
  const failed = steps.find((step) => step.outcome === "failed")
  if (failed === undefined) return
  const cause = stepError(failed)
  throw managerError("CONNECTION_TEST_FAILED", `The connection test failed at ${failed.name}: ${failed.message}`, {
    origin: cause.origin,
    retryable: cause.retryable,
    ...(failed.nextStep === undefined ? {} : { nextStep: failed.nextStep }),
    cause,
    steps,
  })
}

/** The keystore's own word on the key; the claim rests on its identity. */
function requireUsable(description: KeyDescription): KeyDescription {
  const { identity, state } = description
  if (state === "DISABLED") throw pluginError("KEY_DISABLED", "The L1 key is disabled.", "Enable it at its keystore.")
  if (state === "PENDING_DELETION") {
    throw pluginError("KEY_PENDING_DELETION", "The L1 key waits for its deletion.", "Cancel that at its keystore.")
  }
  if (state === "PENDING_IMPORT") {
    throw pluginError("KEY_UNSUITABLE", "The L1 key has no material yet.", "Import its material at its keystore.")
  }
  if (identity.length === 0 || identity.length > 500) {
    throw pluginError("BAD_RESPONSE", "The plugin gave no identity of the L1 key.", "Report this to its maintainers.")
  }
  return description
}

/** In production nobody takes it on trust that the L1 key cannot leave its keystore. */
function requireNotExportable({ exportable }: KeyDescription): void {
  if (exportable === false) return
  if (exportable === "unknown") {
    throw pluginError(
      "KEY_UNSUITABLE",
      "The keystore does not say whether the L1 key can be exported, and `mode: production` requires that it cannot.",
      "Grant read on the key to the keystore's credential, then activate again.",
    )
  }
  throw pluginError(
    "KEY_UNSUITABLE",
    "The L1 key can be exported, and `mode: production` requires that it cannot.",
    "Use another key, made so that it cannot be exported.",
  )
}

function answerOf(pluginType: string, steps: readonly ConnectionStep[], declared: readonly string[]): ActivationAnswer {
  const seen = steps.filter(({ outcome }) => outcome === "passed" || outcome === "warned")
  const facts = seen.flatMap((step) => Object.entries(step.facts ?? {})).filter(([name]) => declared.includes(name))
  return {
    ...Object.fromEntries(facts),
    status: "connection_successful",
    plugin_status: "active",
    l1_key_location: pluginType,
    key_operations_ready: true,
  }
}
