import { eventOf, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import { type KeyExport, keyExportFormat } from "./key-export-document.ts"
import type { HierarchyServices, StoredTenantKey } from "./ports.ts"
import type { ServiceKeyRecord } from "./records.ts"

/**
 * Exports what a tenant needs to open its envelopes without this host: every wrap and every service key's envelope. It
 * holds no secret.
 */
export async function exportKeys(services: HierarchyServices, tenantId: string, call: HostCall): Promise<KeyExport> {
  const { audit, clock, keys } = services
  const event = { ...eventOf("keyExport", tenantId, call), resource: { type: "tenant", id: tenantId } } as const
  try {
    // In this order: the parent of a service key is older than the key, so none can be missing.
    const serviceKeys = await keys.serviceKeys(tenantId)
    const tenantKeys = await keys.tenantKeys(tenantId)
    const document: KeyExport = {
      format: keyExportFormat,
      tenant_id: tenantId,
      exported_at: new Date(clock.nowMs()).toISOString(),
      tenant_keys: tenantKeys.map(tenantKeyDocument),
      service_keys: serviceKeys.map(serviceKeyDocument),
    }
    const facts = { tenant_keys: tenantKeys.length, service_keys: serviceKeys.length }
    await audit.record({ ...event, outcome: "success", facts })
    return document
  } catch (error) {
    await audit.record({ ...event, ...failureOf(error) })
    throw error
  }
}

function tenantKeyDocument({ key, wraps }: StoredTenantKey): KeyExport["tenant_keys"][number] {
  return {
    key_id: key.keyId,
    version: key.version,
    state: key.state,
    commitment: base64(key.commitment),
    wraps: wraps.map((wrap) => ({
      keystore_id: wrap.keystoreId,
      l1_key_id: wrap.l1KeyId,
      l1_key_identity: wrap.l1KeyIdentity,
      l1_key_version: wrap.l1KeyVersion,
      ciphertext: base64(wrap.ciphertext),
      state: wrap.state,
    })),
  }
}

function serviceKeyDocument(record: ServiceKeyRecord): KeyExport["service_keys"][number] {
  return {
    service_key_id: record.serviceKeyId,
    name: record.name,
    version: record.version,
    state: record.state,
    parent_key_id: record.parentKeyId,
    parent_key_version: record.parentKeyVersion,
    envelope: base64(record.envelope),
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64")
}
