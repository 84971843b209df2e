import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { localKeystore, tenantWithKeys } from "../fixtures.ts"
import { startTestHost, type TestHost } from "../test-host.ts"
import { type Cli, cliOf } from "./run-cli.ts"

describe("the exit code of the command line", () => {
  let host: TestHost
  let cli: Cli
  const write = async (name: string, content: unknown) => {
    const file = join(host.folder.path, name)
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content))
    return file
  }

  beforeAll(async () => {
    host = await startTestHost()
    cli = cliOf(host)
    await tenantWithKeys(host, "acme")
  })
  afterAll(() => host[Symbol.asyncDispose]())

  it("is 2 for unknown commands and for wrong documents, and names each fault", async () => {
    expect(await cli.run("tenant", "destroy", "acme")).toMatchObject({ exitCode: 2 })
    const document = { ...localKeystore("other"), configuration: { key_name: "", keyname: "x" } }
    const refused = await cli.run("keystore", "add", "acme", await write("wrong.json", document))
    expect(refused).toMatchObject({ exitCode: 2 })
    expect(refused.stderr).toContain("key_name")
    expect(refused.stderr).toContain("keyname")
    expect(await cli.run("keystore", "add", "acme", await write("broken.json", "{"))).toMatchObject({ exitCode: 2 })
  })

  it("is 4 for an unknown token", async () => {
    const header = await write("foreign.header", `Authorization: Bearer ${Buffer.alloc(32).toString("base64url")}\n`)
    expect(await cli.run("--header-file", header, "tenant", "list")).toMatchObject({ exitCode: 4 })
    expect(await cli.run("--header-file", join(host.folder.path, "none"), "tenant", "list")).toMatchObject({
      exitCode: 4,
    })
  })

  it("is 5 for what does not exist and 6 for what exists already", async () => {
    expect(await cli.run("keystore", "activate", "acme", "none")).toMatchObject({ exitCode: 5 })
    expect(await cli.run("tenant", "create", "acme")).toMatchObject({ exitCode: 6 })
  })

  it("is 7 for a keystore that does not answer, after showing the steps", async () => {
    const configuration = {
      vault_address: "https://127.0.0.1:9",
      auth_method: "token",
      token: "planted-canary-token",
      mount_path: "transit",
      key_name: "l1",
    }
    const file = await write("openbao.json", { plugin_type: "openbao", plugin_name: "far", configuration })
    const test = await cli.run("keystore", "test", "acme", "--file", file)
    expect(test).toMatchObject({ exitCode: 7 })
    expect(test.stdout).toMatch(/FAIL\s+authentication/)
    expect(test.stdout + test.stderr).not.toContain("planted-canary-token")
  })

  it("is 8 for an envelope that does not open", async () => {
    const made = await cli.run("data-key", "generate", "acme", "payments")
    const bytes = Buffer.from(made.stdout.trim(), "base64")
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    const refused = await cli.run(
      "data-key",
      "unwrap",
      "acme",
      "payments",
      await write("altered", bytes.toString("base64")),
    )
    expect(refused).toMatchObject({ exitCode: 8 })
  })

  it("comes with the problem document with --json", async () => {
    const refused = await cli.run("--json", "tenant", "create", "acme")
    expect(JSON.parse(refused.stderr)).toMatchObject({ details: { code: "TENANT_EXISTS", origin: "caller" } })
  })
})
