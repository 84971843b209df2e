import { chmod, chown, link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { findCanary } from "@apeiro-cmk/plugin-sdk/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { loadOrCreateRootKey } from "../src/index.ts"

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "root-key-"))
  path = join(folder, "credential-root.key")
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const canary = Buffer.from("canary-8e21-root-key-32-bytes-ok")

async function write(bytes: Uint8Array, mode: number): Promise<void> {
  await writeFile(path, bytes)
  await chmod(path, mode)
}

describe("root key file", () => {
  it("is created once, with 32 bytes for its owner alone, and no other file remains", async () => {
    const made = await loadOrCreateRootKey(path)
    const { mode, size } = await stat(path)
    expect(mode & 0o777).toBe(0o600)
    expect(size).toBe(32)
    expect(await readdir(folder)).toEqual(["credential-root.key"])
    const loaded = await loadOrCreateRootKey(path)
    expect(loaded.key.equals(made.key)).toBe(true)
    expect(made.key.export().equals(await readFile(path))).toBe(true)
  })

  it("is the same for all who create it at once", async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateRootKey(path)))
    for (const { key } of keys) expect(keys[0]?.key.equals(key)).toBe(true)
    expect(await readdir(folder)).toEqual(["credential-root.key"])
  })

  it("is refused when others may use it", async () => {
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o644, 0o660, 0o610]) {
      await write(canary, mode)
      await expect(loadOrCreateRootKey(path)).rejects.toMatchObject({ code: "ROOT_KEY_EXPOSED", origin: "host" })
      await rm(path)
    }
  })

  it("is refused as a symbolic link, even a dangling one, whose target is not created", async () => {
    const elsewhere = join(folder, "elsewhere")
    await symlink(elsewhere, path)
    await expect(loadOrCreateRootKey(path)).rejects.toMatchObject({ code: "ROOT_KEY_EXPOSED" })
    expect(await readdir(folder)).toEqual(["credential-root.key"])
    await writeFile(elsewhere, canary, { mode: 0o600 })
    await expect(loadOrCreateRootKey(path)).rejects.toMatchObject({ code: "ROOT_KEY_EXPOSED" })
  })

  it("is refused with any other size, and never replaced", async () => {
    for (const length of [0, 1, 31, 33, 64, 5000]) {
      const bytes = Buffer.alloc(length, 7)
      await write(bytes, 0o600)
      await expect(loadOrCreateRootKey(path)).rejects.toMatchObject({ code: "ROOT_KEY_INVALID" })
      expect((await readFile(path)).equals(bytes)).toBe(true)
    }
  })

  it("is refused where it is a folder, and where its folder is missing", async () => {
    await mkdir(path)
    await expect(loadOrCreateRootKey(path)).rejects.toMatchObject({ code: "ROOT_KEY_INVALID" })
    const missing = join(folder, "missing", "root.key")
    await expect(loadOrCreateRootKey(missing)).rejects.toMatchObject({ code: "ROOT_KEY_INVALID" })
  })

  it("may have a second hard link", async () => {
    const made = await loadOrCreateRootKey(path)
    await link(path, join(folder, "backup"))
    expect((await loadOrCreateRootKey(path)).key.equals(made.key)).toBe(true)
  })

  const isRoot = process.getuid?.() === 0
  it.skipIf(!isRoot)(`is refused when it is another user's${isRoot ? "" : " (needs root)"}`, async () => {
    await write(canary, 0o600)
    await chown(path, 65_534, 65_534)
    await expect(loadOrCreateRootKey(path)).rejects.toMatchObject({ code: "ROOT_KEY_EXPOSED" })
  })

  it("never shows its bytes in an error or in its result", async () => {
    await write(canary, 0o600)
    const loaded = await loadOrCreateRootKey(path)
    expect(
      findCanary(JSON.stringify(loaded) + inspect(loaded, { depth: 5, showHidden: true }), [canary]),
    ).toBeUndefined()
    await write(Buffer.concat([canary, canary]), 0o600)
    const error: unknown = await loadOrCreateRootKey(path).catch((thrown: unknown) => thrown)
    expect(findCanary(inspect(error, { depth: 10 }), [canary])).toBeUndefined()
  })
})
