import { keyLength } from "@apeiro-cmk/committing-wrap"
import { eventOf, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import { v7 as uuidv7 } from "uuid"
import { KeyHierarchyError } from "./error.ts"
import { assertUse } from "./key-states.ts"
import { wrapKey } from "./key-wrap.ts"
import type { HierarchyServices } from "./ports.ts"
import type { ServiceKeyRecord, TenantKeyRecord } from "./records.ts"
import { isServiceKeyName } from "./service-key-name.ts"
import { type TenantKeyLeases, tenantKeyMissing } from "./tenant-key-leases.ts"

/** Makes a service key under the tenant's active tenant key, and stores it with its audit entry. */
export async function createServiceKey(
  services: HierarchyServices,
  leases: TenantKeyLeases,
  tenantId: string,
  name: string,
  call: HostCall,
): Promise<ServiceKeyRecord> {
  const { audit, clock, keys, random } = services
  const serviceKeyId = uuidv7()
  const version = 1
  const event = eventOf("keyCreate", tenantId, call)
  const resource = { type: "serviceKey", id: serviceKeyId, version: String(version) } as const
  try {
    if (!isServiceKeyName(name)) throw nameInvalid()
    const parent = await activeTenantKey(services, tenantId)
    const parentName = { tenantId, keyId: parent.keyId, version: parent.version }
    const envelope = await leases.use(parentName, call, (lease) => {
      assertUse("encrypt", "The tenant key", [lease.terms.state])
      const serviceKey = random.bytes(keyLength)
      try {
        const header = {
          kind: "serviceKey",
          tenantId,
          keyId: serviceKeyId,
          keyVersion: version,
          parentKeyId: parent.keyId,
          parentKeyVersion: parent.version,
        } as const
        return wrapKey(lease.use(), header, serviceKey, random)
      } finally {
        serviceKey.fill(0)
      }
    })
    const record: ServiceKeyRecord = {
      tenantId,
      serviceKeyId,
      name,
      version,
      state: "Active",
      parentKeyId: parent.keyId,
      parentKeyVersion: parent.version,
      envelope,
      createdAtMs: clock.nowMs(),
    }
    await keys.insertServiceKey(record, [audit.prepare({ ...event, resource, outcome: "success", facts: { name } })])
    return record
  } catch (error) {
    await audit.record({ ...event, resource, ...failureOf(error) })
    throw error
  }
}

async function activeTenantKey({ keys }: HierarchyServices, tenantId: string): Promise<TenantKeyRecord> {
  const active = await keys.activeTenantKey(tenantId)
  if (active !== undefined) return active.key
  const newest = (await keys.tenantKeys(tenantId)).at(-1)
  if (newest === undefined) throw tenantKeyMissing()
  assertUse("encrypt", "The tenant key", [newest.key.state])
  return newest.key
}

function nameInvalid(): KeyHierarchyError {
  return new KeyHierarchyError("SERVICE_KEY_NAME_INVALID", "Not a valid name for a service key.", {
    origin: "caller",
    retryable: false,
    nextStep: "Use 1 to 63 lower-case letters, digits and hyphens, starting with a letter or digit.",
  })
}
