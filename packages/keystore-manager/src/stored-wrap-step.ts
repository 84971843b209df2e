import type { HostCall } from "@apeiro-cmk/host-call"
import {
  type StoredWrapServices,
  type TenantKeyWrap,
  tenantKeyUnreadable,
  type VerifiedWrap,
  verifyStoredWraps,
} from "@apeiro-cmk/key-hierarchy"
import type { Clock, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import type { KeystoreCaller } from "./caller/keystore-caller.ts"
import { failedStep } from "./derivation-step.ts"
import type { KeystoreRecord } from "./records.ts"
import { explainRefusedWrap } from "./refused-wrap.ts"

/** Name of the step that the host adds to the connection test of an active keystore. */
export const storedWrapStepName = "stored_wrap"

/** Services that the step uses. */
export interface StoredWrapStepServices extends StoredWrapServices {
  readonly caller: KeystoreCaller
  readonly clock: Clock
}

/**
 * Opens the stored wraps of an active keystore. A throw-away wrap proves that some L1 key works; only a stored one proves
 * that it is the key by which the tenant's keys can be opened. Each opening is in the tenant's audit log.
 */
export async function storedWrapStep(
  record: KeystoreRecord,
  call: HostCall,
  services: StoredWrapStepServices,
): Promise<ConnectionStep> {
  const { clock } = services
  const startedMs = clock.monotonicMs()
  const ended = () => ({ name: storedWrapStepName, durationMs: clock.monotonicMs() - startedMs })
  try {
    const failed = (await verifyStoredWraps(services, record, call)).find(({ finding }) => !finding.opens)
    if (failed !== undefined) return { ...ended(), ...(await refusal(record, failed, call, services)) }
    return { ...ended(), outcome: "passed", message: "The stored wrap of the tenant key opens." }
  } catch (thrown) {
    return { ...ended(), ...failedStep(thrown) }
  }
}

async function refusal(
  record: KeystoreRecord,
  { wrap, finding }: VerifiedWrap,
  call: HostCall,
  { caller }: StoredWrapStepServices,
): Promise<ReturnType<typeof failedStep>> {
  const { code = "INTERNAL", nextStep = "Test the connection again." } = finding
  if (code === "TENANT_KEY_UNREADABLE") return failedStep(await explained(record, wrap, call, caller))
  return { outcome: "failed", message: `The stored wrap of the tenant key does not open: ${code}.`, nextStep, code }
}

/** Asks the keystore what it says about its key. Where it does not answer, the two causes cannot be told apart. */
async function explained(record: KeystoreRecord, wrap: TenantKeyWrap, call: HostCall, caller: KeystoreCaller) {
  try {
    const key = { keyId: wrap.l1KeyId }
    const description = await caller.use(record, call, (keystore, options) => keystore.describeKey(key, options))
    return explainRefusedWrap(wrap, description)
  } catch {
    return tenantKeyUnreadable()
  }
}
