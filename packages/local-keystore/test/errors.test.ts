import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { fileError } from "../src/errors.ts"
import { KeyFolder } from "./key-file-fixture.ts"

const context = { tenantId: "acme", keyId: "l2", keyVersion: 1 }
const plaintext = new Uint8Array(32).fill(1)
const invalid = { code: "INVALID_REQUEST", origin: "host", retryable: false }

let files: KeyFolder
beforeEach(async () => {
  files = await KeyFolder.make()
})
afterEach(async () => files[Symbol.asyncDispose]())

describe("an error of the file system", () => {
  it.each([
    ["EACCES", "INVALID_REQUEST"],
    ["EPERM", "INVALID_REQUEST"],
    ["EISDIR", "INVALID_REQUEST"],
    ["ELOOP", "INVALID_REQUEST"],
    ["ENOTDIR", "INVALID_REQUEST"],
    ["EROFS", "INVALID_REQUEST"],
    ["ENOSPC", "UNREACHABLE"],
    ["EDQUOT", "UNREACHABLE"],
    ["EIO", "UNREACHABLE"],
  ])("%s becomes %s", (code, expected) => {
    expect(fileError(Object.assign(new Error("boom"), { code }))).toMatchObject({ code: expected, origin: "host" })
  })
})

describe("the key file", () => {
  it("is created for its owner alone, and leaves no other file behind", async () => {
    await files.start()
    expect((await stat(files.path)).mode & 0o777).toBe(0o600)
    expect(await readdir(files.folder)).toEqual(["local-keystore.key"])
  })

  it("keeps its keys across a restart, and stays the same when no key changes", async () => {
    const first = await files.start()
    const keystore = await first.openKeystore({}, testCall())
    const sealed = await keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, testCall())
    await first.stop()
    const before = await readFile(files.path, "utf8")
    const second = await (await files.start()).openKeystore({}, testCall())
    const opened = await second.decrypt({ key: second.defaultKey, ...sealed, context }, testCall())
    expect(opened.plaintext).toEqual(Buffer.from(plaintext))
    expect(await readFile(files.path, "utf8")).toBe(before)
  })

  it("is created once when several hosts start at the same moment: each uses the key in the file", async () => {
    const starts = await Promise.allSettled(Array.from({ length: 4 }, () => files.start()))
    const started = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []))
    expect(started.length).toBeGreaterThan(0)
    for (const plugin of started) {
      const keystore = await plugin.openKeystore({}, testCall())
      const sealed = await keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, testCall())
      expect(await files.decrypt("default", sealed.ciphertext, context)).toEqual(Buffer.from(plaintext))
    }
  })

  it("is not overwritten when somebody else has changed it", async () => {
    const [mine, theirs] = [await files.start(), await files.start()]
    const name = { keyId: "new", origin: "generate" } as const
    await (await theirs.openKeystore({}, testCall())).createKey(name, testCall())
    const keystore = await mine.openKeystore({}, testCall())
    await expect(keystore.createKey({ ...name, keyId: "newer" }, testCall())).rejects.toMatchObject(invalid)
    expect(Object.keys(await files.keys())).toEqual(["default", "new"])
  })

  it.each([0o640, 0o604, 0o620, 0o666])("is refused when its mode is %o", async (mode) => {
    await files.start()
    await chmod(files.path, mode)
    await expect(files.start()).rejects.toMatchObject(invalid)
  })

  it("is refused when it is a symbolic link", async () => {
    await files.start()
    await rename(files.path, join(files.folder, "elsewhere"))
    await symlink(join(files.folder, "elsewhere"), files.path)
    await expect(files.start()).rejects.toMatchObject(invalid)
  })

  it("is refused when it is a folder", async () => {
    await mkdir(files.path, { mode: 0o700 })
    await expect(files.start()).rejects.toMatchObject(invalid)
  })

  it.each([
    ["empty", () => ""],
    ["cut short", (text: string) => text.slice(0, text.length / 2)],
    ["in another format", (text: string) => text.replace("/v1", "/v2")],
    ["with a key that is too short", (text: string) => text.replace(/"material": "[^"]+"/, '"material": "AAAA"')],
    ["with an unknown field", (text: string) => text.replace("{", '{"more": 1,')],
  ])("is refused when it is %s, and the error quotes nothing of it", async (_what, damage) => {
    await files.start()
    const text = await readFile(files.path, "utf8")
    await writeFile(files.path, damage(text))
    const error: unknown = await files.start().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject(invalid)
    const material = /"material": "([^"]+)"/.exec(text)?.[1] ?? "none"
    expect(String(error)).not.toContain(material.slice(0, 8))
  })
})

describe("an opened local keystore", () => {
  it("reports in its connection test that others may read the key file, or that it is missing", async () => {
    const keystore = await (await files.start()).openKeystore({}, testCall())
    await chmod(files.path, 0o644)
    const steps = async () => {
      const seen = []
      for await (const step of keystore.testConnection(testCall())) seen.push(step)
      return seen
    }
    const failed = { name: "key_file", outcome: "failed", code: "INVALID_REQUEST" }
    await expect(steps()).resolves.toMatchObject([failed])
    await rm(files.path)
    await expect(steps()).resolves.toMatchObject([failed])
  })

  it("warns that its keys are software keys", async () => {
    const keystore = await (await files.start()).openKeystore({}, testCall())
    const description = await keystore.describeKey(keystore.defaultKey, testCall())
    expect(description).toMatchObject({ exportable: true, warnings: [expect.stringContaining("software key")] })
  })

  it("refuses an empty plaintext, one that is too long, and a key name with a path in it", async () => {
    const keystore = await (await files.start()).openKeystore({}, testCall())
    const key = keystore.defaultKey
    for (const length of [0, 4097]) {
      const request = { key, plaintext: new Uint8Array(length), context }
      await expect(keystore.encrypt(request, testCall())).rejects.toMatchObject({ code: "INVALID_REQUEST" })
    }
    await expect(keystore.createKey({ keyId: "../x", origin: "generate" }, testCall())).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    })
  })

  it("keeps each of several changes made at the same moment", async () => {
    const keystore = await (await files.start()).openKeystore({}, testCall())
    const names = Array.from({ length: 8 }, (_, index) => `key-${index}`)
    await Promise.all(names.map((keyId) => keystore.createKey({ keyId, origin: "generate" }, testCall())))
    expect(Object.keys(await files.keys()).toSorted()).toEqual(["default", ...names])
  })

  it("works only while its plugin is running", async () => {
    const plugin = await files.start()
    const keystore = await plugin.openKeystore({}, testCall())
    await plugin.stop()
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "INTERNAL" })
  })
})
