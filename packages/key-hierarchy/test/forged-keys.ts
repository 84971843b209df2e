import { randomBytes } from "node:crypto"
import { sealCommitted } from "@apeiro-cmk/committing-wrap"
import { encodeEnvelopeHeader, type L1Port, type PreparedTenantKey, type ServiceKeyRecord } from "../src/index.ts"

/** Makes a version of a service key as a rotation would store it, under a tenant key whose bytes the test knows. */
export function sealServiceKey(tenantKey: Uint8Array, record: Omit<ServiceKeyRecord, "envelope">): ServiceKeyRecord {
  const header = encodeEnvelopeHeader({
    kind: "serviceKey",
    tenantId: record.tenantId,
    keyId: record.serviceKeyId,
    keyVersion: record.version,
    parentKeyId: record.parentKeyId,
    parentKeyVersion: record.parentKeyVersion,
  })
  const random = { bytes: (length: number) => randomBytes(length) }
  const sealed = sealCommitted({
    parent: tenantKey,
    label: "apeiro-cmk/v1/service-key",
    header,
    plaintext: randomBytes(32),
    random,
  })
  return { ...record, envelope: Buffer.concat([header, sealed]) }
}

/** Opens a tenant key by the double's L1, for a test that may know it. */
export async function bytesOfTenantKey(
  l1: Pick<L1Port, "decrypt">,
  { key, wraps: [wrap] }: Pick<PreparedTenantKey, "key" | "wraps">,
  call: Parameters<L1Port["decrypt"]>[1],
): Promise<Uint8Array> {
  if (wrap === undefined) throw new Error("the tenant key has no wrap")
  const { plaintext } = await l1.decrypt(
    {
      keystoreId: wrap.keystoreId,
      l1KeyId: wrap.l1KeyId,
      l1KeyVersion: wrap.l1KeyVersion,
      ciphertext: wrap.ciphertext,
      context: { tenantId: key.tenantId, keyId: key.keyId, keyVersion: key.version },
    },
    call,
  )
  return plaintext
}
