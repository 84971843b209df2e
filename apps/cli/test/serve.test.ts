import { spawn } from "node:child_process"
import { once } from "node:events"
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { environment, runCli } from "./run-cli.ts"

const ourPackage = fileURLToPath(new URL("..", import.meta.url))

/** Stands in for the host: prints its options, or Node's own, then ends with 5, or at SIGTERM with 6. */
const hostProgram = `
process.on("SIGTERM", () => process.exit(6))
console.log(JSON.stringify(process.argv.includes("--node") ? process.execArgv : process.argv.slice(2)))
if (!process.argv.includes("--wait")) process.exit(5)
setInterval(() => {}, 1000)
`

describe("apeiro-cmk serve, installed outside of a clone,", () => {
  let folder: string
  let program: string
  let withHost: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cli-serve-"))
    await cp(join(ourPackage, "src"), join(folder, "installed/cli/src"), { recursive: true })
    await symlink(join(ourPackage, "node_modules"), join(folder, "installed/cli/node_modules"))
    program = join(folder, "installed/cli/src/main.ts")
    withHost = join(folder, "with-host")
    const host = join(withHost, "node_modules/@apeiro-cmk/host")
    await mkdir(host, { recursive: true })
    const packageJson = {
      name: "@apeiro-cmk/host",
      bin: { "apeiro-cmk-host": "./host.mjs" },
      config: { nodeArguments: ["--max-semi-space-size=7"] },
    }
    await writeFile(join(host, "package.json"), JSON.stringify(packageJson))
    await writeFile(join(host, "host.mjs"), hostProgram)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it("says how to install the host where it is missing, and everything else works", async () => {
    const refused = await runCli(["serve"], { cwd: folder, program })
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" })
    expect(refused.stderr).toMatch(/^Error: The host is not installed here.*\n.*@apeiro-cmk\/host.*\n$/)
    expect(await runCli(["--help"], { cwd: folder, program })).toMatchObject({ exitCode: 0, stderr: "" })
  })

  it.each([
    { args: ["serve", "--profile", "x.yaml", "--demo"], options: ["--profile", "x.yaml", "--demo"] },
    { args: ["serve", "--help"], options: ["--help"] },
    { args: ["--json", "serve", "--log-level", "warn"], options: ["--log-level", "warn", "--json"] },
  ])("starts the host of the present folder with the options of $args and keeps its exit code", async (given) => {
    const ended = await runCli(given.args, { cwd: withHost, program })
    expect(ended).toMatchObject({ exitCode: 5, stderr: "" })
    expect(JSON.parse(ended.stdout)).toEqual(given.options)
  })

  it("starts Node with the arguments that the host's package names", async () => {
    const ended = await runCli(["serve", "--node"], { cwd: withHost, program })
    expect(JSON.parse(ended.stdout)).toEqual(["--max-semi-space-size=7"])
  })

  it("passes a signal on and ends when the host has ended", async () => {
    const child = spawn(process.execPath, [program, "serve", "--wait"], {
      cwd: withHost,
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
    })
    const output = text(child.stdout)
    child.stdout.once("data", () => child.kill("SIGTERM"))
    const [exitCode] = await once(child, "exit")
    expect(exitCode).toBe(6)
    expect(JSON.parse(await output)).toEqual(["--wait"])
  })
})
