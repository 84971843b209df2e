import { timingSafeEqual } from "node:crypto"
import { keyLength } from "@apeiro-cmk/committing-wrap"
import { backendRequestOf, eventOf, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import { PluginError } from "@apeiro-cmk/plugin-interface"
import { v7 as uuidv7 } from "uuid"
import { untilAborted } from "./abort.ts"
import { tenantKeyCommitment } from "./commitment.ts"
import { keyMismatch } from "./plan-unwrap.ts"
import type { HierarchyServices, L1Wrap, PreparedTenantKey } from "./ports.ts"

/** Services that preparing a tenant key uses. Its L1 port is bound to the keystore that is being activated. */
export type TenantKeyServices = Pick<HierarchyServices, "audit" | "clock" | "random"> & {
  readonly l1: Pick<HierarchyServices["l1"], "encrypt" | "decrypt">
}

/**
 * Makes the first tenant key (L2) and has a keystore wrap and unwrap it: a real round trip, whose result is compared.
 * Stores nothing: the activation of the keystore stores the key with its audit entries. A failure is in the tenant's
 * audit log before it is thrown.
 *
 * @throws {PluginError} KEY_MISMATCH - L1 unwrapped something else
 * @throws {PluginError} KEY_UNSUITABLE - the wrap contains the key in plain
 * @throws {PluginError} any other code of a keystore failure
 * @throws {AuditError} AUDIT_UNAVAILABLE - the failure could not be recorded
 */
export async function prepareTenantKey(
  services: TenantKeyServices,
  tenantId: string,
  keystoreId: string,
  call: HostCall,
): Promise<PreparedTenantKey> {
  const { audit, clock, random } = services
  const keyId = uuidv7()
  const version = 1
  const about = { resource: { type: "tenantKey", id: keyId, version: String(version) }, keystoreId } as const
  const tenantKey = random.bytes(keyLength)
  try {
    const wrap = await roundTrip(services, tenantKey, { tenantId, keyId, keyVersion: version }, keystoreId, call)
    const commitment = tenantKeyCommitment(tenantKey, { tenantId, keyId, version })
    const created = audit.prepare({ ...eventOf("keyCreate", tenantId, call), ...about, outcome: "success" })
    const wrapped = audit.prepare({
      ...eventOf("tenantKeyWrap", tenantId, call),
      ...about,
      outcome: "success",
      ...backendRequestOf(wrap.backendRequestId),
      facts: { l1_key_id: wrap.l1KeyId, l1_key_version: wrap.l1KeyVersion },
    })
    const { ciphertext, l1KeyId, l1KeyIdentity, l1KeyVersion } = wrap
    const createdAtMs = clock.nowMs()
    return {
      key: { tenantId, keyId, version, state: "Active", commitment, createdAtMs },
      wraps: [
        {
          tenantId,
          keyId,
          keyVersion: version,
          keystoreId,
          l1KeyId,
          l1KeyIdentity,
          l1KeyVersion,
          ciphertext,
          state: "good",
          createdAtMs,
          auditEntryId: wrapped.entryId,
        },
      ],
      audit: [created, wrapped],
    }
  } catch (error) {
    await audit.record({ ...eventOf("tenantKeyWrap", tenantId, call), ...about, ...failureOf(error) })
    throw error
  } finally {
    tenantKey.fill(0)
  }
}

async function roundTrip(
  { l1 }: TenantKeyServices,
  tenantKey: Uint8Array,
  context: { readonly tenantId: string; readonly keyId: string; readonly keyVersion: number },
  keystoreId: string,
  call: HostCall,
): Promise<L1Wrap> {
  const wrap = await untilAborted(
    l1.encrypt({ keystoreId, plaintext: tenantKey, context }, call),
    call.signal,
    () => undefined,
  )
  if (Buffer.from(wrap.ciphertext).includes(Buffer.from(tenantKey.buffer, tenantKey.byteOffset, tenantKey.length)))
    throw wrapInPlain()
  const { l1KeyId, l1KeyVersion, ciphertext } = wrap
  const request = { keystoreId, l1KeyId, l1KeyVersion, ciphertext, context }
  const { plaintext } = await untilAborted(l1.decrypt(request, call), call.signal, (late) => late.plaintext.fill(0))
  try {
    if (plaintext.length !== keyLength || !timingSafeEqual(plaintext, tenantKey)) throw keyMismatch()
  } finally {
    plaintext.fill(0)
  }
  return wrap
}

function wrapInPlain(): PluginError {
  return new PluginError("KEY_UNSUITABLE", "The ciphertext that the keystore returned contains the key in plain.", {
    origin: "backend",
    retryable: false,
    nextStep: "Do not use this keystore: it does not encrypt.",
  })
}
