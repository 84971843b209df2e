import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { runCli } from "./run-cli.ts"

const profiles = dirname(createRequire(import.meta.url).resolve("@apeiro-cmk/profiles/package.json"))

describe("apeiro-cmk without a host", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cli-"))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it("ends with 0 for --help, and lists the exit codes", async () => {
    const help = await runCli(["--help"])
    expect(help).toMatchObject({ exitCode: 0 })
    expect(help.stdout).toContain("Exit codes")
  })

  it("ends with 2 for an unknown command", async () => {
    expect(await runCli(["tenant", "destroy", "acme"])).toMatchObject({ exitCode: 2 })
  })

  it("in the help of a subcommand includes the options of all commands and the defaults", async () => {
    const { stdout } = await runCli(["tenant", "create", "--help"])
    for (const text of ["http://127.0.0.1:8470", "APEIRO_CMK_URL", "--header-file", "--json", "byok", "30000"]) {
      expect(stdout).toContain(text)
    }
  })

  it.each(["127.0.0.1:8470", "localhost:8470", "ftp://127.0.0.1", "", "http://name:canary@127.0.0.1"])(
    "refuses the address %j in one sentence, with the exit code 2",
    async (url) => {
      const refused = await runCli(["--url", url, "tenant", "list"])
      expect(refused).toMatchObject({ exitCode: 2 })
      expect(refused.stderr).toMatch(/^Error: .*address of (a|the) host.*\n.*\n$/)
      expect(refused.stderr).not.toMatch(/canary|zod|code|fault of the program/)
    },
  )

  it("refuses a number that is not one before any request", async () => {
    for (const command of [
      ["tenant", "create", "beta", "--lease-ms", "abc"],
      ["tenant", "create", "beta", "--lease-ms", "1"],
      ["audit", "tail", "acme", "-n", "abc"],
      ["audit", "tail", "acme", "-n", "0"],
    ]) {
      const refused = await runCli(["--url", "http://127.0.0.1:9", ...command])
      expect(refused).toMatchObject({ exitCode: 2 })
      expect(refused.stderr).toContain("It must be a whole number from")
    }
  })

  it("checks a profile and loads its plugins: 0 when it is valid, 2 with the place of each fault when it is not", async () => {
    const valid = await runCli(["profile", "check", join(profiles, "local-profile.yaml")])
    expect(valid).toMatchObject({ exitCode: 0 })
    expect(valid.stdout).toMatch(/local-keystore\s+keystore\s+@apeiro-cmk\/local-keystore\s+\S+\s+loaded/)
    const file = join(folder, "broken.yaml")
    await writeFile(file, "mode: development\nplugin: []\nplugins:\n  - name: x\n    type: keystor\n")
    const refused = await runCli(["profile", "check", file])
    expect(refused).toMatchObject({ exitCode: 2 })
    expect(refused.stdout).toMatch(/broken\.yaml:2:1 .*plugin/)
    expect(refused.stdout).toMatch(/broken\.yaml:5:11 .*keystore/)
  })
})
