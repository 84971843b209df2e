import { execFile } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, it } from "vitest"

const run = promisify(execFile)
const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const packed = {
  "plugin-interface": "packages",
  "plugin-sdk": "packages",
  "plugin-wire": "packages",
  "test-contracts": ".",
}
const folder = mkdtempSync(join(tmpdir(), "apeiro-cmk-ninth-plugin-"))
const plugin = join(folder, "plugin")

beforeAll(async () => {
  await run("turbo", ["run", "build", "--filter=@apeiro-cmk/test-contracts", "--output-logs=errors-only"], {
    cwd: project,
  })
  const overrides: Record<string, string> = {}
  for (const [name, parent] of Object.entries(packed)) {
    const tarball = join(folder, `${name}.tgz`)
    await run("pnpm", ["--dir", join(parent, name), "pack", "--out", tarball], { cwd: project })
    overrides[`@apeiro-cmk/${name}`] = `file:${tarball}`
  }
  cpSync(join(project, "examples/ninth-plugin"), plugin, { recursive: true })
  // Instead of the registry: the four packages come from their tarballs, whatever version is requested.
  writeFileSync(join(plugin, "pnpm-workspace.yaml"), JSON.stringify({ overrides, allowBuilds: { protobufjs: false } }))
  await run("pnpm", ["install", "--prefer-offline", "--no-frozen-lockfile"], { cwd: plugin })
}, 240_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("a plugin outside the workspace passes the kit as published, with node:test", { timeout: 120_000 }, async () => {
  const { stdout, stderr } = await run("node", ["--test", "--test-reporter=tap"], {
    cwd: plugin,
    maxBuffer: 64 * 1024 * 1024,
  })
  expect(stdout).toMatch(/^# fail 0$/m)
  expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(100)
  expect(stderr).toBe("")
})

it("the kit as published needs the interface, the SDK, the wire, and the schema library that the SDK brings", () => {
  const file = join(plugin, "node_modules/@apeiro-cmk/test-contracts/package.json")
  const { dependencies } = JSON.parse(readFileSync(file, "utf8")) as { readonly dependencies: Record<string, string> }
  expect(Object.keys(dependencies).toSorted()).toEqual([
    "@apeiro-cmk/plugin-interface",
    "@apeiro-cmk/plugin-sdk",
    "@apeiro-cmk/plugin-wire",
    "zod",
  ])
})
