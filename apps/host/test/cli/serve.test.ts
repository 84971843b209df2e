import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type TestFolder, testFolder } from "../test-host.ts"
import { commandLine, runCli } from "./run-cli.ts"

const hostExecutable = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

/** Serves with --demo until it says that it serves, then sends SIGINT. */
async function serveOnce(program: readonly string[], profile: string): Promise<{ output: string; exitCode: unknown }> {
  const child = spawn(process.execPath, [...program, "--demo", "--profile", profile], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  const output = text(child.stdout)
  child.stdout.on("data", (chunk: Buffer) => {
    if (chunk.includes("Ctrl-C ends it")) child.kill("SIGINT")
  })
  const [exitCode] = await once(child, "exit")
  return { output: await output, exitCode }
}

describe("apeiro-cmk serve --demo", () => {
  let folder: TestFolder
  beforeAll(async () => {
    folder = await testFolder()
  })
  afterAll(() => folder.remove())

  it("shows one round trip with times, ends at SIGINT, and opens the first envelope at the second start", async () => {
    const first = await serveOnce([commandLine, "serve"], folder.profilePath)
    expect(first.exitCode).toBe(0)
    expect(first.output).toMatch(/L4 .* ms/)
    expect(first.output).toMatch(/the same 32 bytes .* ms/)
    expect(first.output).toContain("http://127.0.0.1:")
    const second = await serveOnce([hostExecutable], folder.profilePath)
    expect(second.exitCode).toBe(0)
    expect(second.output).toContain("envelope of the first start")
  })

  it("prints nothing of a round trip that fails, and ends with the exit code of a keystore", async () => {
    const file = join(folder.dataDirectory, "local-keystore.key")
    const document = JSON.parse(await readFile(file, "utf8"))
    document.keys.default.versions[0].material = Buffer.alloc(32, 7).toString("base64")
    await writeFile(file, JSON.stringify(document))
    const failed = await runCli(["serve", "--demo", "--profile", folder.profilePath], {})
    expect(failed).toMatchObject({ exitCode: 7, stdout: "" })
    expect(failed.stderr).toMatch(/stored_wrap[\s\S]*Restore the L1 key/)
  })

  it("lists the options of the host, and refuses others with 2", async () => {
    const help = await runCli(["serve", "--help"], {})
    expect(help).toMatchObject({ exitCode: 0 })
    for (const option of ["--profile", "--demo", "--log-level"]) expect(help.stdout).toContain(option)
    expect(await runCli(["serve", "--prefile", "x.yaml"], {})).toMatchObject({ exitCode: 2 })
  })

  it("is started with the same arguments for Node by its first line as by the command line", async () => {
    const [firstLine] = (await readFile(hostExecutable, "utf8")).split("\n")
    const packageJson = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"))
    expect(firstLine).toBe(`#!/usr/bin/env -S node ${packageJson.config.nodeArguments.join(" ")}`)
  })

  it("says which profile is missing", async () => {
    const refused = await runCli(["serve", "--profile", "/nowhere.yaml"], {})
    expect(refused).toMatchObject({ exitCode: 2 })
    expect(refused.stderr).toContain("/nowhere.yaml")
  })
})
