import { chmod, readFile, stat } from "node:fs/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { tenantWithKeys } from "../fixtures.ts"
import { type Workspace, workspace } from "./workspace.ts"

const tokenId = z.object({ token_id: z.string() })

describe("apeiro-cmk token", () => {
  let work: Workspace
  beforeAll(async () => {
    work = await workspace()
    await tenantWithKeys(work.host, "acme")
  })
  afterAll(() => work.host[Symbol.asyncDispose]())

  it("writes a header file that works, and shows the secret nowhere", async () => {
    const { cli, file } = work
    const made = await cli.run("token", "create", "acme", "--role", "administrator", "--output", file("owner.header"))
    expect(made).toMatchObject({ exitCode: 0, stderr: "" })
    const header = await readFile(file("owner.header"), "utf8")
    expect(header).toMatch(/^Authorization: Bearer \S{40,}\n$/)
    expect((await stat(file("owner.header"))).mode & 0o777).toBe(0o600)
    expect(made.stdout).not.toContain(header.trim().split(" ").at(-1))
    expect(await cli.run("--header-file", file("owner.header"), "tenant", "verify", "acme")).toMatchObject({
      exitCode: 0,
      stderr: "",
    })
  })

  it("makes no token when its file cannot be written, or when none is named", async () => {
    const { cli, write } = work
    const taken = await write("taken", "mine")
    const before = await cli.run("token", "list", "acme")
    const refused = await cli.run("token", "create", "acme", "--role", "reader", "--output", taken)
    expect(refused).toMatchObject({ exitCode: 2 })
    expect(refused.stderr).toContain("exists already")
    expect(await readFile(taken, "utf8")).toBe("mine")
    expect(await cli.run("token", "create", "acme", "--role", "reader")).toMatchObject({ exitCode: 2 })
    expect(await cli.run("token", "create", "acme", "--role", "king", "--output", taken)).toMatchObject({ exitCode: 2 })
    expect((await cli.run("token", "list", "acme")).stdout).toBe(before.stdout)
  })

  it("leaves no file behind when the host refuses", async () => {
    const { cli, file } = work
    const refused = await cli.run("token", "create", "nobody", "--role", "reader", "--output", file("none.header"))
    expect(refused).toMatchObject({ exitCode: 5 })
    await expect(stat(file("none.header"))).rejects.toThrow("ENOENT")
  })

  it("shows the secret with --json alone, and lists and revokes tokens", async () => {
    const { cli, host } = work
    const schema = z.object({ ...tokenId.shape, token: z.string(), expires_at: z.string() })
    const made = await cli.json(schema, "token", "create", "acme", "--role", "reader", "--days", "1")
    expect(Date.parse(made.expires_at)).toBeLessThan(Date.now() + 25 * 3600 * 1000)
    expect((await host.client(made.token).send("GET", "/v1/tenants/acme")).status).toBe(200)
    expect((await cli.run("token", "list", "acme")).stdout).toMatch(new RegExp(`${made.token_id}  reader\\s+valid`))
    expect(await cli.run("token", "revoke", "acme", made.token_id)).toMatchObject({ exitCode: 0 })
    expect((await host.client(made.token).send("GET", "/v1/tenants/acme")).status).toBe(401)
    const listed = await cli.run("token", "list", "acme")
    expect(listed.stdout).toMatch(new RegExp(`${made.token_id}  reader\\s+revoked`))
    expect(listed.stdout).not.toContain(made.token)
    const none = await cli.run("token", "revoke", "acme", "019ab3c4-5555-7000-8000-00000000000a")
    expect(none).toMatchObject({ exitCode: 5 })
    expect(none.stderr).toContain("apeiro-cmk token list acme")
  })

  it("warns of a header file that other users can read, and of no other", async () => {
    const { cli, file } = work
    await cli.run("token", "create", "acme", "--role", "reader", "--output", file("open.header"))
    await chmod(file("open.header"), 0o644)
    const used = await cli.run("--header-file", file("open.header"), "keystore", "list", "acme")
    expect(used).toMatchObject({ exitCode: 0 })
    expect(used.stderr).toMatch(/^Warning: Other users can read .*0644.*chmod 600 .*open\.header\n$/)
    const json = await cli.run("--json", "--header-file", file("open.header"), "keystore", "list", "acme")
    expect(JSON.parse(json.stderr)).toEqual({ warning: expect.stringContaining("chmod 600") })
  })
})
