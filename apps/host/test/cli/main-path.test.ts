import { readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { localKeystore } from "../fixtures.ts"
import { startTestHost, type TestHost } from "../test-host.ts"
import { type Cli, cliOf } from "./run-cli.ts"

describe("the command line, on its main path,", () => {
  let host: TestHost
  let cli: Cli
  const file = (name: string) => join(host.folder.path, name)

  beforeAll(async () => {
    host = await startTestHost()
    cli = cliOf(host)
    await writeFile(file("keystore.json"), JSON.stringify(localKeystore()))
  })
  afterAll(() => host[Symbol.asyncDispose]())

  it("goes from a new tenant to an active keystore and reports each step", async () => {
    expect((await cli.run("tenant", "create", "acme", "--lease-ms", "2000")).stdout).toContain("Tenant acme created")
    expect((await cli.run("keystore", "add", "acme", file("keystore.json"))).stdout).toContain("local")
    const test = await cli.run("keystore", "test", "acme", "local")
    expect(test).toMatchObject({ exitCode: 0 })
    expect(test.stdout).toMatch(/l2_derivation .* ms/)
    expect(test.stdout).toContain("connection_successful")
    const activation = await cli.json(
      z.looseObject({ plugin_status: z.string() }),
      "keystore",
      "activate",
      "acme",
      "local",
    )
    expect(activation).toMatchObject({ status: "connection_successful", plugin_status: "active" })
    expect((await cli.run("keystore", "list", "acme")).stdout).toMatch(
      /local\s+local_keystore\s+active\s+healthy\s+\d+\.\d ms\s+success/,
    )
  })

  it("makes a data key whose plain bytes go to a 0600 file, and opens the envelope again", async () => {
    await cli.run("service-key", "create", "acme", "orders")
    const made = await cli.run("data-key", "generate", "acme", "orders", "--plaintext-file", file("key"))
    const plaintext = await readFile(file("key"))
    expect(plaintext).toHaveLength(32)
    expect((await stat(file("key"))).mode & 0o777).toBe(0o600)
    expect(made.stdout + made.stderr).not.toContain(plaintext.toString("base64"))
    await writeFile(file("envelope"), made.stdout)
    await cli.run("data-key", "unwrap", "acme", "orders", file("envelope"), "--plaintext-file", file("key-again"))
    expect(await readFile(file("key-again"))).toEqual(plaintext)
  })

  it("shows which L1 wraps the tenant key, with the audit entry", async () => {
    const verified = await cli.run("tenant", "verify", "acme")
    expect(verified.stdout).toMatch(/local:.*:default v1\s+local\s+opens\s+\d/)
    expect(verified.stdout).toMatch(/orders v1\s+Active\s+\S+ v1\s+opens/)
    expect(verified.stdout).toContain("Every wrap opens with its L1, and every service key with its L2.")
  })

  it("exports the audit log and verifies it offline, and finds one altered character", async () => {
    await cli.run("audit", "export", "acme", "--output", file("audit.jsonl"))
    const verified = await cli.run("audit", "verify", file("audit.jsonl"))
    expect(verified).toMatchObject({ exitCode: 0 })
    expect(verified.stdout).toMatch(/Whole: \d+ entries of tenant acme/)

    const lines = (await readFile(file("audit.jsonl"), "utf8")).split("\n")
    await writeFile(file("shorter.jsonl"), [lines[0], ...lines.slice(2)].join("\n"))
    const refused = await cli.run("audit", "verify", file("shorter.jsonl"))
    expect(refused).toMatchObject({ exitCode: 8 })
    expect(refused.stderr).toContain("missing")
  })

  it("tails the audit log with one line per entry", async () => {
    const tail = await cli.run("audit", "tail", "acme", "--number", "3")
    expect(tail.stdout.trim().split("\n")).toHaveLength(3)
  })

  it("recovers a data key without the host, from the exported keys and L1 alone", async () => {
    await cli.run("tenant", "export-keys", "acme", "--output", file("keys.json"))
    await host.stop()
    const files = ["--keys", file("keys.json"), "--keystore", file("keystore.json"), "--envelope", file("envelope")]
    const options = [...files, "--profile", host.folder.profilePath, "--plaintext-file", file("recovered")]
    const recovered = await cli.run("recover", ...options)
    expect(recovered.stderr).toBe("")
    expect(recovered).toMatchObject({ exitCode: 0 })
    expect(await readFile(file("recovered"))).toEqual(await readFile(file("key")))
  })

  it("says how to start a host when none answers", async () => {
    const refused = await cli.run("tenant", "list")
    expect(refused).toMatchObject({ exitCode: 3 })
    expect(refused.stderr).toContain("npm start")
  })
})
