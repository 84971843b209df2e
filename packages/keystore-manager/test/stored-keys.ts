import type { KeyRepository, ServiceKeyRecord } from "@apeiro-cmk/key-hierarchy"
import type { InMemoryKeystores } from "./in-memory-keystores.ts"

/** Reads the tenant keys that activations stored, as the key hierarchy does, and keeps service keys in memory. */
export function storedKeys({ activations }: InMemoryKeystores, leaseMs: number): KeyRepository {
  const serviceKeys: ServiceKeyRecord[] = []
  const tenantKeys = (tenantId: string) =>
    activations.flatMap(({ tenantKey }) => (tenantKey?.key.tenantId === tenantId ? [tenantKey] : []))
  return {
    custody: async () => ({ epoch: 1, leaseMs }),
    activeTenantKey: async (tenantId) => tenantKeys(tenantId).at(-1),
    tenantKey: async (tenantId, keyId) => tenantKeys(tenantId).find(({ key }) => key.keyId === keyId),
    tenantKeys: async (tenantId) => tenantKeys(tenantId),
    serviceKeyByName: async (tenantId, name) =>
      serviceKeys.find((record) => record.tenantId === tenantId && record.name === name),
    serviceKey: async (_, serviceKeyId) => serviceKeys.find((record) => record.serviceKeyId === serviceKeyId),
    serviceKeys: async () => serviceKeys,
    async insertServiceKey(record) {
      serviceKeys.push(record)
    },
  }
}
