import { readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { localKeystore, tenantWithKeys } from "../fixtures.ts"
import { farOpenBao, type Workspace, workspace } from "./workspace.ts"

const stored = z.looseObject({ revision: z.int(), configuration: z.record(z.string(), z.unknown()) })

describe("apeiro-cmk keystore", () => {
  let work: Workspace
  beforeAll(async () => {
    work = await workspace()
    await tenantWithKeys(work.host, "acme")
  })
  afterAll(() => work.host[Symbol.asyncDispose]())

  it("shows a document that update accepts, which keeps the secret and never shows it", async () => {
    const { cli, write } = work
    const secret = "planted-canary-secret-id"
    const configuration = { secret_id_path: undefined, secret_id: secret }
    await cli.run("keystore", "add", "acme", await write("far.json", farOpenBao(configuration)))
    const shown = await cli.run("keystore", "show", "acme", "far")
    expect(shown.stdout).not.toContain(secret)
    expect(shown.stderr).toMatch(/its ETag is "\S+"\n$/)
    const file = await write("again.json", shown.stdout.replace("role-1", "role-2"))
    const changed = await cli.run("keystore", "update", "acme", "far", file)
    expect(changed).toMatchObject({ exitCode: 0 })
    expect(changed.stdout).toContain("apeiro-cmk keystore test acme far")
    const after = await cli.json(stored, "keystore", "show", "acme", "far")
    expect(after).toMatchObject({
      revision: 2,
      configuration: { role_id: "role-2", secret_id: { set: true, version: 1 } },
    })
  })

  it("changes and removes only the revision that --etag names", async () => {
    const { cli, write } = work
    const file = await write("second.json", farOpenBao())
    await cli.run("keystore", "add", "acme", await write("two.json", { ...farOpenBao(), plugin_name: "two" }))
    const { etag } = await cli.json(z.looseObject({ etag: z.string() }), "keystore", "show", "acme", "two")
    const named = { ...farOpenBao({ role_id: "role-3" }), plugin_name: "two" }
    expect(await cli.run("keystore", "update", "acme", "two", await write("three.json", named))).toMatchObject({
      exitCode: 0,
    })
    for (const command of [
      ["update", "acme", "two", file],
      ["remove", "acme", "two"],
    ]) {
      const refused = await cli.run("keystore", ...command, "--etag", etag)
      expect(refused).toMatchObject({ exitCode: 6 })
      expect(refused.stderr).toContain("apeiro-cmk keystore show acme two")
      expect(refused.stderr).not.toContain("If-Match")
    }
    const now = await cli.json(z.looseObject({ etag: z.string() }), "keystore", "show", "acme", "two")
    expect(await cli.run("keystore", "remove", "acme", "two", "--etag", now.etag)).toMatchObject({ exitCode: 0 })
    const gone = await cli.run("keystore", "show", "acme", "two")
    expect(gone).toMatchObject({ exitCode: 5 })
    expect(gone.stderr).toContain("apeiro-cmk keystore list acme")
  })

  it("does not remove a keystore that wraps a key", async () => {
    expect(await work.cli.run("keystore", "remove", "acme", "local")).toMatchObject({ exitCode: 6 })
  })

  it("prints set-up material of an unsaved document, and needs a name or a file", async () => {
    const { cli, write } = work
    const file = await write("unsaved.json", { ...farOpenBao(), plugin_name: "unsaved" })
    const printed = await cli.run("keystore", "setup-material", "acme", "--file", file)
    expect(printed).toMatchObject({ exitCode: 0 })
    expect(printed.stdout).toContain("openkcm-keys/decrypt/l1")
    expect((await cli.run("keystore", "list", "acme")).stdout).not.toContain("unsaved")
    expect(await cli.run("keystore", "setup-material", "acme")).toMatchObject({ exitCode: 2 })
  })

  it("writes set-up material into a folder, says what to run, and overwrites nothing", async () => {
    const { cli, file, write } = work
    const document = await write("material.json", farOpenBao())
    const folder = file("material")
    const command = ["keystore", "setup-material", "acme", "--file", document, "--output", folder]
    const written = await cli.run(...command)
    expect(written).toMatchObject({ exitCode: 0 })
    const names = await readdir(folder)
    expect(names.length).toBeGreaterThanOrEqual(2)
    for (const name of names) {
      const isScript = (await readFile(join(folder, name), "utf8")).startsWith("#!")
      expect((await stat(join(folder, name))).mode & 0o777).toBe(isScript ? 0o700 : 0o600)
      if (isScript) expect(written.stdout).toContain(`./${name}`)
    }
    const again = await cli.run(...command)
    expect(again).toMatchObject({ exitCode: 2 })
    expect(again.stderr).toContain("exists already")
  })

  it("ends with 7 when a keystore cannot be activated because its secret id is missing", async () => {
    const { cli } = work
    await work.host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "empty" })
    await cli.run("keystore", "add", "empty", await work.write("missing.json", farOpenBao()))
    const missing = await cli.run("keystore", "activate", "empty", "far")
    expect(missing).toMatchObject({ exitCode: 7 })
    expect(missing.stderr).toContain("failed at authentication")
  })

  it("names each fault of a document once", async () => {
    const document = { ...localKeystore("other"), configuration: { key_name: "", keyname: "x" } }
    const refused = await work.cli.run("keystore", "add", "acme", await work.write("wrong.json", document))
    expect(refused).toMatchObject({ exitCode: 2 })
    expect(refused.stderr.match(/key_name/g)).toHaveLength(1)
    expect(refused.stderr.match(/keyname/g)).toHaveLength(1)
  })
})
