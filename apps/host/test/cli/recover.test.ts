import { readFile, stat } from "node:fs/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { localKeystore, tenantWithKeys } from "../fixtures.ts"
import { type Workspace, workspace } from "./workspace.ts"

describe("apeiro-cmk recover", () => {
  let work: Workspace
  const envelopes = new Map<string, string>()
  beforeAll(async () => {
    work = await workspace()
    const { cli, file, host, write } = work
    for (const [tenant, key] of [
      ["acme", "default"],
      ["beta", "second"],
    ] as const) {
      await tenantWithKeys(host, tenant, key)
      const { stdout } = await cli.run("data-key", "generate", tenant, "payments")
      envelopes.set(tenant, await write(`${tenant}.envelope`, stdout))
      await cli.run("tenant", "export-keys", tenant, "--output", file(`${tenant}.keys.json`))
    }
    await host.stop()
  })
  afterAll(() => work.host[Symbol.asyncDispose]())

  const recover = async (envelope: string, keyName: string, ...more: readonly string[]) => {
    const keystore = await work.write("keystore.json", localKeystore("local", keyName))
    const files = ["--keys", work.file("acme.keys.json"), "--keystore", keystore, "--envelope", envelope]
    return work.cli.run("recover", ...files, "--profile", work.host.folder.profilePath, ...more)
  }
  const envelopeOf = (tenant: string) => envelopes.get(tenant) ?? ""

  it("says which key and keystore opened the envelope", async () => {
    const recovered = await recover(envelopeOf("acme"), "default")
    expect(recovered).toMatchObject({ exitCode: 0, stderr: "" })
    expect(recovered.stdout).toContain('L1 key "default" in keystore "local"')
    const json = await recover(envelopeOf("acme"), "default", "--json")
    const schema = z.looseObject({ l1_key_id: z.string(), l1_key_identity: z.string(), plaintext: z.string() })
    expect(schema.parse(JSON.parse(json.stdout)).l1_key_id).toBe("default")
  })

  it("names the tenants of envelope and key export when they differ", async () => {
    const refused = await recover(envelopeOf("beta"), "default", "--plaintext-file", work.file("none.bin"))
    expect(refused).toMatchObject({ exitCode: 8 })
    expect(refused.stderr).toContain('envelope belongs to tenant "beta", and the key export to tenant "acme"')
    await expect(stat(work.file("none.bin"))).rejects.toThrow("ENOENT")
  })

  it("opens with the key that the export names, and warns when the document names another one", async () => {
    const recovered = await recover(envelopeOf("acme"), "second", "--plaintext-file", work.file("key.bin"))
    expect(recovered).toMatchObject({ exitCode: 0 })
    expect(recovered.stderr).toMatch(/^Warning: .*keystore\.json names the key "second".*L1 key "default" \(local:/)
    expect(await readFile(work.file("key.bin"))).toHaveLength(32)
  })

  it("says which key the export names when the keystore refuses", async () => {
    const keys = await readFile(work.file("acme.keys.json"), "utf8")
    await work.write("acme.keys.json", keys.replace('"l1_key_id": "default"', '"l1_key_id": "lost"'))
    const refused = await recover(envelopeOf("acme"), "default")
    expect(refused).toMatchObject({ exitCode: 7 })
    expect(refused.stderr).toContain('L1 key "lost"')
    await work.write("acme.keys.json", keys)
  })

  it("names each fault of a document that does not describe a keystore, in plain words", async () => {
    const files = ["--keys", work.file("acme.keys.json"), "--envelope", envelopeOf("acme")]
    const keystore = await work.write("wrong.json", { plugin_type: "local_keystore", keys: 1 })
    const options = ["--keystore", keystore, "--profile", work.host.folder.profilePath]
    const refused = await work.cli.run("recover", ...files, ...options)
    expect(refused).toMatchObject({ exitCode: 2 })
    for (const name of ["plugin_name", "configuration", "keys"]) expect(refused.stderr).toContain(`\n  ${name}: `)
    expect(refused.stderr).not.toMatch(/undefined|Invalid input/)
  })

  it("refuses an envelope that is not base64 with 2, and an altered one with 8", async () => {
    expect(await recover(await work.write("text", "%%"), "default")).toMatchObject({ exitCode: 2 })
    const bytes = Buffer.from(await readFile(envelopeOf("acme"), "utf8"), "base64")
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    const altered = await work.write("altered", bytes.toString("base64"))
    expect(await recover(altered, "default")).toMatchObject({ exitCode: 8 })
  })
})
