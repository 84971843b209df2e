import { execFileSync } from "node:child_process"
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const clone = fileURLToPath(new URL("../../..", import.meta.url))

describe.skipIf(process.platform === "win32")("the launcher ./apeiro-cmk (a shell script: not for Windows)", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "launcher-"))
    // Stands in for Node and prints its arguments.
    await writeFile(join(folder, "node"), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o700 })
    await symlink(join(clone, "apeiro-cmk"), join(folder, "absolute"))
    await symlink("absolute", join(folder, "relative"))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each(["absolute", "relative"])("finds the clone through the %s symbolic link", (name) => {
    const env = { PATH: `${folder}:${process.env.PATH}` }
    const output = execFileSync(join(folder, name), ["tenant", "a b"], { env, cwd: "/", encoding: "utf8" })
    expect(output.split("\n")).toEqual([join(clone, "scripts/run.mjs"), "apeiro-cmk", "tenant", "a b", ""])
  })
})
