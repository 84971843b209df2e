import { execFileSync } from "node:child_process"
import { chmod, mkdir, mkdtemp, realpath, rename, rm, symlink, unlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { parseConfiguration, tenantPath } from "../src/index.ts"
import { testCall, testServices } from "../src/testing.ts"

const nowhere = { servers: [], allowedEndpoints: [] }

let base: string
let directory: string

beforeAll(async () => {
  base = await realpath(await mkdtemp(path.join(tmpdir(), "tenant-files-")))
  directory = path.join(base, "credentials")
  for (const folder of ["acme/etc/openbao", "acme/keys", "globex"])
    await mkdir(path.join(directory, folder), { recursive: true })
  await writeFile(path.join(directory, "acme/etc/openbao/secret-id"), "s3cret")
  await writeFile(path.join(directory, "acme/full"), Buffer.alloc(65_536, 1))
  await writeFile(path.join(directory, "acme/too-large"), Buffer.alloc(65_537, 1))
  await writeFile(path.join(directory, "acme/%2e%2e"), "odd name")
  await writeFile(path.join(directory, "globex/secret-id"), "globex-canary")
  await writeFile(path.join(base, "outside"), "outside-canary")
})

afterAll(async () => {
  await rm(base, { recursive: true })
})

const read = async (file: string, tenantId = "acme") => {
  const call = testCall({ tenantId })
  const bytes = await testServices({ credentialDirectory: directory }).files.read(file, call, nowhere)
  return Buffer.from(bytes).toString()
}

const failure = (file: string, tenantId?: string) =>
  read(file, tenantId).then(
    () => undefined,
    (error: unknown) => error,
  )

describe("files that a tenant's configuration names", () => {
  it("are used although every user can read them, and logged once", async () => {
    const services = testServices({ credentialDirectory: directory })
    for (const [name, mode] of [
      ["open", 0o644],
      ["of-the-group", 0o640],
      ["closed", 0o600],
    ] as const) {
      await writeFile(path.join(directory, "acme", name), "canary-secret-id")
      await chmod(path.join(directory, "acme", name), mode)
      for (let times = 0; times < 3; times += 1) await services.files.read(name, testCall(), nowhere)
    }
    expect(services.logger.lines).toMatchObject([{ level: "warn", fields: { tenant: "acme", file: "open" } }])
    services.logger.assertNoCanary(["canary-secret-id"])
  })

  it("lie below the tenant's folder, whether the path is absolute or not", async () => {
    expect(await read("/etc/openbao/secret-id")).toBe("s3cret")
    expect(await read("etc/openbao/secret-id")).toBe("s3cret")
    expect(await read("//etc//./openbao/secret-id")).toBe("s3cret")
    expect(await read("/secret-id", "globex")).toBe("globex-canary")
  })

  it("may be links inside the folder, as Kubernetes makes them for mounted secrets", async () => {
    const folder = path.join(directory, "acme/mounted")
    await mkdir(path.join(folder, "..2026_11_25"), { recursive: true })
    await writeFile(path.join(folder, "..2026_11_25/token"), "mounted")
    await symlink("..2026_11_25", path.join(folder, "..data"))
    await symlink("..data/token", path.join(folder, "token"))
    expect(await read("/mounted/token")).toBe("mounted")
  })

  it("are never reached by traversal, under any spelling", async () => {
    for (const file of [
      "../globex/secret-id",
      "/../globex/secret-id",
      "etc/../../globex/secret-id",
      "/etc/openbao/../../../globex/secret-id",
      "..",
      "/..",
      "../",
      "../../outside",
      "..\\globex\\secret-id",
      "etc/..",
      "etc/../etc/openbao/secret-id",
      `../../../../../../..${directory}/globex/secret-id`,
      path.join(directory, "globex/secret-id"),
      path.join(base, "outside"),
      "/etc/passwd",
      "/proc/self/environ",
      "%2e%2e/globex/secret-id",
      "..%2fglobex%2fsecret-id",
      "%252e%252e/globex/secret-id",
      "..%c0%afglobex/secret-id",
      "．．/globex/secret-id",
      "file:///etc/passwd",
      "~/secret-id",
    ]) {
      expect(await failure(file), file).toMatchObject({ code: "INVALID_REQUEST" })
    }
  })

  it("are never reached through a link that leads out, at the end or before it", async () => {
    await symlink("../globex/secret-id", path.join(directory, "acme/other-tenant"))
    await symlink(path.join(base, "outside"), path.join(directory, "acme/outside"))
    await symlink("../globex", path.join(directory, "acme/folder"))
    await symlink("/", path.join(directory, "acme/root"))
    await symlink("loop", path.join(directory, "acme/loop"))
    await symlink("globex", path.join(directory, "initech"))
    for (const file of [
      "other-tenant",
      "outside",
      "folder/secret-id",
      "root/etc/passwd",
      `root${base}/outside`,
      "loop",
    ]) {
      expect(await failure(file), file).toMatchObject({ code: "INVALID_REQUEST" })
    }
    expect(await failure("secret-id", "initech")).toMatchObject({ code: "INVALID_REQUEST" })
  })

  it("are not reached through another tenant whose name begins alike", async () => {
    await mkdir(path.join(directory, "acme-2"))
    await writeFile(path.join(directory, "acme-2/secret-id"), "canary")
    await symlink("../acme-2/secret-id", path.join(directory, "acme/neighbour"))
    expect(await failure("neighbour")).toMatchObject({ code: "INVALID_REQUEST" })
  })

  it("are refused for an invalid tenant id", async () => {
    // Each of these would lead to a file that exists.
    for (const [tenantId, file] of [
      ["", "globex/secret-id"],
      [".", "globex/secret-id"],
      ["..", "outside"],
      ["acme/../globex", "secret-id"],
      ["acme/etc", "openbao/secret-id"],
      ["globex\0", "secret-id"],
      ["GLOBEX", "secret-id"],
    ] as const) {
      expect(await failure(file, tenantId), tenantId).toMatchObject({ code: "INVALID_REQUEST" })
    }
  })

  it("are regular files of at most 64 KiB", async () => {
    execFileSync("sh", ["-c", 'mkfifo "$0"', path.join(directory, "acme/fifo")])
    await symlink("/dev/zero", path.join(directory, "acme/device"))
    for (const file of [
      "fifo",
      "device",
      "etc",
      "",
      "/",
      ".",
      "too-large",
      "missing",
      "etc/openbao/secret-id/more",
      "secret\0id",
      "x".repeat(5000),
    ]) {
      expect(await failure(file), file).toMatchObject({ code: "INVALID_REQUEST" })
    }
    expect((await read("full")).length).toBe(65_536)
    expect(await read("%2e%2e")).toBe("odd name")
  })

  it("are refused with one message for all reasons, made only of the caller's own input", async () => {
    const files = ["../globex/secret-id", "missing", "etc", "too-large", "root/etc/passwd"]
    const errors = await Promise.all(files.map((file) => failure(file)))
    expect(new Set(errors.map(String)).size).toBe(1)
    expect(errors.every((error) => Object(error).cause === undefined)).toBe(true)
    const nextSteps = errors.map((error, index) => String(Object(error).nextStep).replace(files[index] ?? "", "FILE"))
    expect(new Set(nextSteps)).toEqual(
      new Set([
        'Have the operator put a regular file of at most 64 KiB at <credentialDirectory>/acme/FILE; no part of the path may be "..", and no link may lead out of the tenant\'s folder.',
      ]),
    )
    const odd = [failure("/etc//./openbao/secret"), failure(`a\n${"x".repeat(5000)}`), failure("x", "no tenant")]
    const [spelled, long, noTenant] = (await Promise.all(odd)).map((error) => String(Object(error).nextStep))
    expect(spelled).toContain("at <credentialDirectory>/acme/etc/openbao/secret;")
    expect(long).toMatch(/at <credentialDirectory>\/acme\/a\?x{200,300};/)
    expect(noTenant).toContain("at <credentialDirectory>/<tenant>/x;")
  })

  it("are refused without a credential directory", async () => {
    await expect(testServices().files.read("/etc/passwd", testCall(), nowhere)).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    })
  })

  it("are not read for a caller who has given up", async () => {
    const caller = new AbortController()
    caller.abort()
    const { files } = testServices({ credentialDirectory: directory })
    await expect(files.read("full", { tenantId: "acme", signal: caller.signal }, nowhere)).rejects.toMatchObject({
      code: "CANCELLED",
    })
  })

  it("never come from outside while a link replaces a folder", async () => {
    const folder = path.join(directory, "acme/swapped")
    await mkdir(folder)
    await writeFile(path.join(folder, "outside"), "inside")
    let running = true
    const swapping = (async () => {
      while (running) {
        await rename(folder, `${folder}.kept`)
        await symlink(base, folder)
        await unlink(folder)
        await rename(`${folder}.kept`, folder)
      }
    })()
    const seen = new Set<string>()
    for (let round = 0; round < 1500; round += 1) {
      seen.add(await read("swapped/outside").catch((error: unknown) => String(Object(error).code)))
    }
    running = false
    await swapping
    expect(
      [...seen].every((answer) => answer === "inside" || answer === "INVALID_REQUEST"),
      [...seen].join(),
    ).toBe(true)
  })

  it("are the tenant's own bytes or nothing, for any path", async () => {
    const part = fc.oneof(
      fc.constantFrom("..", ".", "/", "\\", "globex", "secret-id", "etc", "openbao", "%2e%2e", "\0"),
      fc.string(),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { maxLength: 8 }).map((parts) => parts.join("/")),
        async (file) => {
          const text = await read(file).catch((error: unknown) => String(Object(error).code))
          expect(text).not.toContain("canary")
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe("tenantPath", () => {
  it("is text of 1 to 4096 characters without control characters", () => {
    const schema = z.strictObject({ secret_id_file: tenantPath() })
    const ok = (text: unknown) => parseConfiguration(schema, { secret_id_file: text }).ok
    expect([ok("/etc/openbao/secret-id"), ok("a".repeat(4096))]).toEqual([true, true])
    expect([ok(""), ok("a".repeat(4097)), ok("a\0b"), ok("a\nb"), ok(7), ok(undefined)]).toEqual(Array(6).fill(false))
  })
})
