import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type KeyExport, parseKeyExport, recoverDataKey } from "../src/index.ts"
import { bytesOfTenantKey } from "./forged-keys.ts"
import { hostCall, openHierarchy } from "./in-memory.ts"
import { workedExample, workedExampleText } from "./worked-example.ts"

const run = promisify(execFile)
const fromRoot = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64")

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "open-envelope-"))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

/** Runs the independent script in its own process. */
async function openIndependently(keyExport: unknown, tenantKey: string, envelope: Uint8Array): Promise<string> {
  const files = [
    ["export.json", JSON.stringify(keyExport)],
    ["tenant-key.txt", tenantKey],
    ["envelope.txt", base64(envelope)],
  ] as const
  for (const [name, text] of files) await writeFile(join(folder, name), text)
  const script = fromRoot("scripts/open-envelope.mjs")
  const { stdout } = await run(process.execPath, [script, ...files.map(([name]) => join(folder, name))])
  return stdout.trim()
}

async function exported() {
  const opened = await openHierarchy()
  await opened.hierarchy.createServiceKey("acme", "payroll", hostCall())
  await opened.hierarchy.createServiceKey("acme", "billing", hostCall())
  const dataKey = await opened.hierarchy.generateDataKey("acme", "billing", hostCall())
  // Through JSON, as in a file.
  const document: unknown = JSON.parse(JSON.stringify(await opened.hierarchy.exportKeys("acme", hostCall())))
  const decryptL1 = async (wrap: Parameters<Parameters<typeof recoverDataKey>[0]["decryptL1"]>[0]) =>
    (await opened.l1.port.decrypt(wrap, hostCall())).plaintext
  return { ...opened, ...dataKey, keyExport: parseKeyExport(document), decryptL1 }
}

describe("the independent script", () => {
  it("opens an envelope of the product with the export, the tenant key and the page alone", async () => {
    const { keyExport, envelope, plaintext, l1, tenantKey } = await exported()
    const bytes = Buffer.from(await bytesOfTenantKey(l1.port, tenantKey, hostCall()))
    expect(await openIndependently(keyExport, bytes.toString("hex"), envelope)).toBe(base64(plaintext))
    expect(await openIndependently(keyExport, bytes.toString("base64"), envelope)).toBe(base64(plaintext))
  })

  it("refuses an altered envelope and another tenant key", async () => {
    const { keyExport, envelope, l1, tenantKey } = await exported()
    const bytes = Buffer.from(await bytesOfTenantKey(l1.port, tenantKey, hostCall()))
    const altered = Buffer.from(envelope)
    altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1)
    await expect(openIndependently(keyExport, bytes.toString("hex"), altered)).rejects.toThrow()
    await expect(openIndependently(keyExport, "00".repeat(32), envelope)).rejects.toThrow("not the tenant key")
  })

  it("opens the worked example of the page", async () => {
    const example = workedExample()
    const document: KeyExport = {
      format: "apeiro-cmk/key-export/v1",
      tenant_id: example.tenantId,
      exported_at: "2026-01-01T00:00:00.000Z",
      tenant_keys: [
        {
          key_id: example.tenantKeyName.keyId,
          version: 1,
          state: "Active",
          commitment: base64(example.commitment),
          wraps: [],
        },
      ],
      service_keys: [
        {
          service_key_id: example.serviceKeyId,
          name: "billing",
          version: 1,
          state: "Active",
          parent_key_id: example.tenantKeyName.keyId,
          parent_key_version: 1,
          envelope: base64(example.serviceKeyEnvelope),
        },
      ],
    }
    const tenantKey = example.tenantKey.toString("hex")
    expect(await openIndependently(document, tenantKey, example.dataKeyEnvelope)).toBe(base64(example.dataKey))
  })
})

describe("docs/envelope.md", () => {
  it("shows the bytes that the product makes", async () => {
    const page = await readFile(fromRoot("docs/envelope.md"), "utf8")
    expect(page).toContain(`\`\`\`text\n${workedExampleText()}\`\`\`\n`)
  })
})

describe("recoverDataKey", () => {
  it("opens an envelope with a key export and L1 alone", async () => {
    const { keyExport, envelope, plaintext, decryptL1, l1 } = await exported()
    const recovered = await recoverDataKey({ keyExport, envelope, decryptL1 })
    expect(Buffer.from(recovered.plaintext)).toEqual(Buffer.from(plaintext))
    expect(recovered).toMatchObject({ serviceKeyName: "billing", serviceKeyVersion: 1, keystoreId: "primary" })
    expect(l1.handedOut.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true)
  })

  it("refuses altered envelopes, other tenants' exports, exports with swapped keys and another L1", async () => {
    const { keyExport, envelope, decryptL1 } = await exported()
    const altered = Buffer.from(envelope)
    altered.writeUInt8(altered.readUInt8(envelope.length - 20) ^ 1, envelope.length - 20)
    const [payroll, billing] = [keyExport.service_keys[0], keyExport.service_keys[1]]
    if (payroll === undefined || billing === undefined) throw new Error("the export lacks service keys")
    const exchanged = { ...keyExport, service_keys: [{ ...billing, envelope: payroll.envelope }] }
    const recover = (request: Partial<Parameters<typeof recoverDataKey>[0]>) =>
      recoverDataKey({ keyExport, envelope, decryptL1, ...request })
    await expect(recover({ envelope: altered })).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
    await expect(recover({ envelope: Buffer.from(billing.envelope, "base64") })).rejects.toMatchObject({
      code: "CIPHERTEXT_REJECTED",
    })
    await expect(recover({ keyExport: { ...keyExport, tenant_id: "globex" } })).rejects.toMatchObject({
      code: "CIPHERTEXT_REJECTED",
    })
    await expect(recover({ keyExport: { ...keyExport, service_keys: [payroll] } })).rejects.toMatchObject({
      code: "KEY_EXPORT_INVALID",
    })
    await expect(recover({ keyExport: exchanged })).rejects.toMatchObject({ code: "KEY_EXPORT_INVALID" })
    await expect(recover({ decryptL1: async () => Buffer.alloc(32, 1) })).rejects.toMatchObject({
      code: "KEY_MISMATCH",
    })
  })

  it("accepts only a key export, and says where a document is not one", () => {
    for (const document of [null, [], {}, { format: "apeiro-cmk/key-export/v2" }, "text"]) {
      expect(() => parseKeyExport(document)).toThrow(expect.objectContaining({ code: "KEY_EXPORT_INVALID" }))
    }
  })

  it("puts no secret into the export", async () => {
    const { keyExport, l1, tenantKey, plaintext } = await exported()
    const bytes = await bytesOfTenantKey(l1.port, tenantKey, hostCall())
    for (const secret of [bytes, plaintext]) expect(JSON.stringify(keyExport)).not.toContain(base64(secret))
  })
})
