import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tenantWithKeys } from "../fixtures.ts"
import { type Workspace, workspace } from "./workspace.ts"

describe("what the command line says", () => {
  let work: Workspace
  beforeAll(async () => {
    work = await workspace()
    await tenantWithKeys(work.host, "acme")
  })
  afterAll(() => work.host[Symbol.asyncDispose]())

  it("about a tenant's token that tries to make a tenant names the platform administrator's file", async () => {
    const { cli, file } = work
    await cli.run("token", "create", "acme", "--role", "administrator", "--output", file("owner.header"))
    const refused = await cli.run("--header-file", file("owner.header"), "tenant", "create", "beta")
    expect(refused).toMatchObject({ exitCode: 4 })
    expect(refused.stderr).toContain("platform administrator's header file")
  })

  it("names commands and not requests", async () => {
    const { cli, write } = work
    const runs = [
      await cli.run("tenant", "verify", "nobody"),
      await cli.run("keystore", "test", "acme", "none"),
      await cli.run("data-key", "generate", "acme", "none"),
      await cli.run("tenant", "create", "No Good"),
      await cli.run("data-key", "unwrap", "acme", "payments", await write("no-envelope", "%%%")),
      await cli.run("--header-file", await write("foreign.header", "Authorization: Bearer x\n"), "tenant", "list"),
    ]
    for (const { exitCode, stderr } of runs) {
      expect(exitCode).not.toBe(0)
      expect(stderr).not.toMatch(/\/v1\/|GET |openapi|`issues`|curl|[Ss]end /)
      const lines = stderr.trim().split("\n")
      expect(new Set(lines).size).toBe(lines.length)
    }
    expect(runs[0]?.stderr).toContain("apeiro-cmk tenant list")
  })

  it("about a tenant without keys, or with a wrap that does not open, is said once", async () => {
    await work.host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "empty" })
    const empty = await work.cli.run("tenant", "verify", "empty")
    expect(empty).toMatchObject({ exitCode: 8, stdout: "" })
    expect(empty.stderr).toContain("no tenant key yet")
    expect(empty.stderr).not.toContain("wrap opens")
  })

  it("of an audit entry is a line for people", async () => {
    const { stdout } = await work.cli.run("audit", "tail", "acme", "--number", "50")
    expect(stdout).not.toMatch(/[{}"]/)
    expect(stdout).toMatch(/keystoreActivate\s+success\s+keystore local v1 {2}by administrator$/m)
  })
})
