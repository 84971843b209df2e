// Opens a data key's envelope with nothing but docs/envelope.md and Node's standard library. It shares no code with the
// product on purpose: it proves that the page is sufficient.
//
//   node scripts/open-envelope.mjs KEY_EXPORT TENANT_KEY ENVELOPE
//
// KEY_EXPORT: the file of `apeiro-cmk tenant export-keys`. TENANT_KEY: a file with the tenant key in hex or base64, as
// the keystore unwrapped it. ENVELOPE: a file with the envelope in base64. Prints the data key in base64.
import { createDecipheriv, hkdfSync, timingSafeEqual } from "node:crypto"
import { readFileSync } from "node:fs"

const refuse = (reason) => {
  process.stderr.write(`${reason}\n`)
  process.exit(1)
}
const [exportFile, tenantKeyFile, envelopeFile] = process.argv.slice(2)
if (envelopeFile === undefined) refuse("usage: open-envelope.mjs KEY_EXPORT TENANT_KEY ENVELOPE")

const text = (file) => readFileSync(file, "utf8").trim()
const field = (bytes) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
const hkdf = (key, salt, info, length) => Buffer.from(hkdfSync("sha512", key, salt, info, length))

function parse(bytes) {
  let at = 0
  const take = (length) => {
    if (at + length > bytes.length) refuse("the envelope is truncated")
    at += length
    return bytes.subarray(at - length, at)
  }
  const prefixed = () => take(take(2).readUInt16BE())
  if (bytes.length > 1024 || take(4).toString("latin1") !== "ACMK" || take(1)[0] !== 1) refuse("no envelope, version 1")
  const kind = take(1)[0]
  const tenant = prefixed().toString("latin1")
  const key = prefixed().toString("latin1")
  const version = take(4).readUInt32BE()
  const parent = prefixed().toString("latin1")
  const parentVersion = take(4).readUInt32BE()
  const header = bytes.subarray(0, at)
  const [salt, commitment, ciphertext, tag] = [prefixed(), prefixed(), prefixed(), prefixed()]
  if (at !== bytes.length || salt.length !== 32 || commitment.length !== 32 || tag.length !== 16)
    refuse("wrong lengths")
  return { kind, tenant, key, version, parent, parentVersion, header, salt, commitment, ciphertext, tag }
}

function open(parentKey, label, envelope) {
  const info = Buffer.concat([field(Buffer.from(label)), field(envelope.header)])
  const derived = hkdf(parentKey, envelope.salt, info, 64)
  if (!timingSafeEqual(derived.subarray(32), envelope.commitment)) refuse("not accepted: the commitment does not fit")
  const decipher = createDecipheriv("aes-256-gcm", derived.subarray(0, 32), Buffer.alloc(12), { authTagLength: 16 })
  decipher.setAAD(envelope.header).setAuthTag(envelope.tag)
  return Buffer.concat([decipher.update(envelope.ciphertext), decipher.final()])
}

const keys = JSON.parse(text(exportFile))
const data = parse(Buffer.from(text(envelopeFile), "base64"))
const found = keys.service_keys.find((k) => k.service_key_id === data.parent && k.version === data.parentVersion)
if (data.kind !== 2 || data.tenant !== keys.tenant_id || !found) refuse("the envelope does not belong to this export")
const service = parse(Buffer.from(found.envelope, "base64"))
const above = keys.tenant_keys.find((k) => k.key_id === service.parent && k.version === service.parentVersion)
if (service.kind !== 1 || service.key !== data.parent || !above) refuse("the export lacks the tenant key")

const tenantKeyText = text(tenantKeyFile)
const tenantKey = Buffer.from(tenantKeyText, /^[0-9a-f]{64}$/i.test(tenantKeyText) ? "hex" : "base64")
const parts = ["l2-commit", keys.tenant_id, above.key_id, String(above.version)]
const commitInfo = Buffer.concat(parts.map((part) => field(Buffer.from(part))))
const committed = Buffer.from(above.commitment, "base64")
if (!hkdf(tenantKey, "", commitInfo, 32).equals(committed)) refuse("this is not the tenant key of the export")
const serviceKey = open(tenantKey, "apeiro-cmk/v1/service-key", service)
process.stdout.write(`${open(serviceKey, "apeiro-cmk/v1/data-key", data).toString("base64")}\n`)
