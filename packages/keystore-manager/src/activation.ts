import type { AuditRecorder } from "@apeiro-cmk/audit-log"
import type { HostCall } from "@apeiro-cmk/host-call"
import { type PreparedTenantKey, prepareTenantKey } from "@apeiro-cmk/key-hierarchy"
import type { Clock, ConnectionStep, JsonValue, RandomSource } from "@apeiro-cmk/plugin-interface"
import { requireNotExportable, requirePassed, requireUsable } from "./activation-conditions.ts"
import type { AuditTrail, KeystoreAct } from "./audit-trail.ts"
import type { KeystoreCaller } from "./caller/keystore-caller.ts"
import { pluginFor } from "./document.ts"
import { anotherActive, fromStorage, hasCode, keystoreNotFound } from "./errors.ts"
import type { KeystoreTests } from "./keystore-tests.ts"
import { bindL1Port } from "./l1-port.ts"
import type { OperationBudgets } from "./operation-budgets.ts"
import { requireOwnClaim } from "./own-claim.ts"
import type { KeystorePluginCatalog, KeystoreRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

/**
 * Answer of an activation, flat JSON as in the story: four fields of the host, and the facts that the plugin's connection
 * steps saw, each declared in its manifest's `activationFacts`.
 */
export interface ActivationAnswer {
  readonly status: "connection_successful"
  readonly plugin_status: "active"
  /** `plugin_type` of the keystore that holds the L1 key. */
  readonly l1_key_location: string
  /** The L1 key has just wrapped and unwrapped a key. */
  readonly key_operations_ready: true
  readonly [fact: string]: JsonValue
}

/** Services that an activation uses. */
interface ActivationServices {
  readonly catalog: KeystorePluginCatalog
  readonly repository: KeystoreRepository
  readonly caller: KeystoreCaller
  readonly tests: KeystoreTests
  readonly budgets: OperationBudgets
  readonly renewalsPerHour: (tenantId: string) => Promise<number>
  readonly audit: AuditRecorder
  readonly trail: AuditTrail
  readonly clock: Clock
  readonly random: RandomSource
  readonly mode: "development" | "production"
}

/** Activates keystores: test, identity, tenant key with a real round trip, then claim and state in one transaction. */
export class Activation {
  readonly #services: ActivationServices

  constructor(services: ActivationServices) {
    this.#services = services
  }

  /** Activates a keystore; the outcome is in the tenant's audit log before it is answered. */
  async run(tenantId: string, keystoreId: string, call: HostCall): Promise<ActivationAnswer> {
    const act: KeystoreAct = { action: "keystoreActivate", tenantId, keystoreId }
    const { catalog, budgets, renewalsPerHour, tests, trail } = this.#services
    return trail.attempt(act, call, async () => {
      const record = await this.#candidate(tenantId, keystoreId)
      const { manifest } = pluginFor(catalog, record.pluginType).definition
      budgets.requireRoom(record, await renewalsPerHour(tenantId))
      const steps: ConnectionStep[] = []
      for await (const step of tests.saved(record, call)) steps.push(step)
      requirePassed(steps)
      if (record.state === "active") {
        const { pluginType, keyIdentity = "" } = record
        await requireOwnClaim(this.#services.repository, pluginType, keyIdentity, tenantId)
        await trail.record({ ...act, revision: record.revision, facts: { already_active: true } }, undefined, call)
      } else {
        await this.#claim(record, call)
      }
      return answerOf(record.pluginType, steps, Object.keys(manifest.activationFacts))
    })
  }

  async #candidate(tenantId: string, keystoreId: string): Promise<KeystoreRecord> {
    const { repository } = this.#services
    const record = await repository.keystore(tenantId, keystoreId)
    if (record === undefined) throw keystoreNotFound(keystoreId)
    const activeId = await repository.activeKeystoreId(tenantId)
    if (activeId !== undefined && activeId !== keystoreId) throw anotherActive()
    return record
  }

  async #claim(record: KeystoreRecord, call: HostCall): Promise<void> {
    const { audit, caller, clock, mode, random, repository } = this.#services
    const { tenantId, keystoreId, pluginType } = record
    const description = await caller.use(record, call, (keystore, options) =>
      keystore.describeKey(keystore.defaultKey, options),
    )
    const { identity } = requireUsable(description)
    if (mode === "production") requireNotExportable(description)
    await requireOwnClaim(repository, pluginType, identity, tenantId)
    const services = { audit, clock, random, l1: bindL1Port(caller, record, identity, clock) }
    await this.#store(record, identity, await prepareTenantKey(services, tenantId, keystoreId, call), call)
  }

  async #store(record: KeystoreRecord, keyIdentity: string, tenantKey: PreparedTenantKey, call: HostCall) {
    const { clock, repository, trail } = this.#services
    const { tenantId, keystoreId, pluginType, revision, createdAtMs } = record
    const activation = {
      ...{ tenantId, keystoreId, pluginType, revision, createdAtMs, keyIdentity, tenantKey },
      activatedAtMs: clock.nowMs(),
    }
    const act = {
      action: "keystoreActivate",
      ...{ tenantId, keystoreId, revision },
      facts: { key_identity: keyIdentity },
    } as const
    try {
      await repository.activateKeystore(activation, [trail.success(act, call)])
    } catch (error) {
      const now = await repository.keystore(tenantId, keystoreId)
      // Where another replica has activated the same keystore meanwhile, the request is fulfilled.
      if (now?.state !== "active" || now.keyIdentity !== keyIdentity) {
        throw hasCode(error, "ALREADY_EXISTS") ? anotherActive() : fromStorage(error, keystoreId)
      }
      await trail.record(act, undefined, call)
    }
  }
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
