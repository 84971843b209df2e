import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { type EnvelopeHeader, tenantKeyCommitment } from "../src/index.ts"
import { wrapKey } from "../src/key-wrap.ts"

const tenantId = "acme"
const tenantKeyName = { tenantId, keyId: "019ab6f0-1111-7000-8000-000000000001", version: 1 }
const serviceKeyId = "019ab6f0-2222-7000-8000-000000000002"
const dataKeyId = "019ab6f0-3333-7000-8000-000000000003"

/** Makes 32 consecutive bytes, starting with the given one. */
const counting = (from: number) => Buffer.from(Array.from({ length: 32 }, (_, index) => (from + index) & 0xff))
const keys = { tenantKey: counting(0x00), serviceKey: counting(0x20), dataKey: counting(0x40) }
const salts = { serviceKey: counting(0x80), dataKey: counting(0xa0) }

/** Makes the example of docs/envelope.md by the product's own code, from fixed keys and salts. */
export function workedExample() {
  const serviceKeyHeader: EnvelopeHeader = {
    kind: "serviceKey",
    tenantId,
    keyId: serviceKeyId,
    keyVersion: 1,
    parentKeyId: tenantKeyName.keyId,
    parentKeyVersion: tenantKeyName.version,
  }
  const dataKeyHeader: EnvelopeHeader = {
    kind: "dataKey",
    tenantId,
    keyId: dataKeyId,
    keyVersion: 1,
    parentKeyId: serviceKeyId,
    parentKeyVersion: 1,
  }
  const context = encodeEncryptionContext({ tenantId, keyId: tenantKeyName.keyId, keyVersion: tenantKeyName.version })
  return {
    tenantId,
    tenantKeyName,
    serviceKeyId,
    ...keys,
    context,
    commitment: tenantKeyCommitment(keys.tenantKey, tenantKeyName),
    serviceKeyEnvelope: wrapKey(keys.tenantKey, serviceKeyHeader, keys.serviceKey, { bytes: () => salts.serviceKey }),
    dataKeyEnvelope: wrapKey(keys.serviceKey, dataKeyHeader, keys.dataKey, { bytes: () => salts.dataKey }),
  }
}

/** Writes the example as the page shows it: names, and bytes in hex, 32 per line. */
export function workedExampleText(): string {
  const example = workedExample()
  const parts: readonly (readonly [string, Uint8Array])[] = [
    ["tenant key (L2)", example.tenantKey],
    ["L1 context of the tenant key", example.context],
    ["L2 commitment", example.commitment],
    ["salt of the service key's envelope", salts.serviceKey],
    ["service key (L3)", example.serviceKey],
    ["envelope of the service key", example.serviceKeyEnvelope],
    ["salt of the data key's envelope", salts.dataKey],
    ["data key (L4)", example.dataKey],
    ["envelope of the data key", example.dataKeyEnvelope],
  ]
  return parts.map(([name, bytes]) => `${name}, ${bytes.length} bytes\n${hexLines(bytes)}`).join("\n")
}

function hexLines(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex")
  return (hex.match(/.{1,64}/g) ?? []).map((line) => `  ${line}\n`).join("")
}
