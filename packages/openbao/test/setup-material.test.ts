import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { promisify } from "node:util"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { installOpenBao, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import * as z from "zod"
import { OpenBao, roundTrip, stepsOf } from "./open-bao.ts"

type Configuration = Readonly<Record<string, unknown>>

const available = await openBaoAvailable()
const execution = promisify(execFile)
const policies = z.object({ keys: z.array(z.string()) })

describe.skipIf(!available)("openbao: set-up material", () => {
  let bao: OpenBao
  let folder: string
  beforeAll(async () => {
    bao = await OpenBao.start({ tls: true })
    await bao.admin.send({ method: "DELETE", path: "sys/auth/approle" })
    await bao.admin.inNamespace("acme")
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "openbao-setup-"))
    return () => rm(folder, { recursive: true, force: true })
  })
  afterAll(async () => bao?.stop())

  async function documents(configuration: Configuration) {
    const [policy, script] = await (await bao.start({}, testServices())).setupMaterial(configuration, testCall())
    if (policy === undefined || script === undefined) throw new Error("a document is missing")
    return { policy, script }
  }

  /** Runs the script as printed, in an empty folder. @returns its `name: value` lines, and its whole output */
  async function follow(configuration: Configuration, variables: Readonly<Record<string, string>> = {}) {
    const { fileName, text } = (await documents(configuration)).script
    await writeFile(join(folder, fileName), text)
    const { stdout } = await execution("bash", [fileName], {
      cwd: folder,
      env: {
        PATH: `${dirname(await installOpenBao())}${delimiter}${process.env.PATH ?? ""}`,
        HOME: folder,
        BAO_TOKEN: bao.server.rootToken,
        // Left over in an administrator's shell from other work.
        BAO_NAMESPACE: "elsewhere",
        BAO_CACERT: "/no/such/file",
        BAO_FORMAT: "json",
        ...variables,
      },
    })
    return {
      stdout,
      ...Object.fromEntries([...stdout.matchAll(/^(role_id|secret_id|token): (.+)$/gm)].map((m) => [m[1], m[2]])),
    }
  }

  async function open(configuration: Configuration) {
    return (await bao.start({}, testServices())).openKeystore(configuration, testCall())
  }

  const place = (key: string, mountPath: string, more: Configuration = {}): Configuration => ({
    ...bao.configuration(key),
    mount_path: mountPath,
    auth_method: "approle",
    ...more,
  })

  /** Leaves out the audit test, which is skipped because the policy does not show the audit devices. */
  async function outcomes(configuration: Configuration) {
    const steps = [...(await stepsOf(await open(configuration))).values()]
    return steps.filter(({ name }) => name !== "audit_test").map(({ outcome }) => outcome)
  }

  it("prepares a new OpenBao for AppRole, so that every step of the connection test passes", async () => {
    const configuration = place("master-key", "made/by-script")
    const { stdout: _, ...credential } = await follow(configuration)
    await expect(roundTrip(await open({ ...configuration, ...credential }))).resolves.toHaveLength(32)
    expect(await outcomes({ ...configuration, ...credential })).toEqual(Array(6).fill("passed"))
  })

  it("prepares a namespace for a token, which is renewable and expires", async () => {
    const configuration = place("master-key", "transit", { namespace: "acme", auth_method: "token" })
    const { stdout: _, ...credential } = await follow(configuration)
    expect(await outcomes({ ...configuration, ...credential })).toEqual(Array(6).fill("passed"))
    const again = await follow(configuration)
    expect(await outcomes({ ...configuration, ...credential })).toEqual(Array(6).fill("passed"))
    expect(again.stdout).toContain("token: ")
  })

  it("can run again: nothing that exists changes, and both credentials work", async () => {
    const configuration = place("again", "repeated")
    const { stdout: _, ...first } = await follow(configuration)
    const keystore = await open({ ...configuration, ...first })
    const key = await bao.admin.readTransitKey("repeated", "again")
    const { stdout, ...second } = await follow(configuration)
    expect(stdout).toContain("The key again already exists")
    expect(await bao.admin.readTransitKey("repeated", "again")).toEqual(key)
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    expect(await outcomes({ ...configuration, ...first })).toEqual(Array(6).fill("passed"))
    expect(await outcomes({ ...configuration, ...second })).toEqual(Array(6).fill("passed"))
  })

  it("creates no key with IMPORT=1, and everything else: the credential waits for the import", async () => {
    const configuration = place("brought", "for-import")
    const { stdout, ...credential } = await follow(configuration, { IMPORT: "1" })
    expect(stdout).toContain("No key brought exists, and none is created: import yours.")
    const steps = await stepsOf(await open({ ...configuration, ...credential }))
    expect(steps.get("authentication")).toMatchObject({ outcome: "passed" })
    expect(steps.get("key_access")).toMatchObject({ outcome: "failed", code: "KEY_NOT_FOUND" })

    await bao.admin.createTransitKey({ mount: "for-import", name: "brought", type: "aes256-gcm96" })
    const again = await follow(configuration, { IMPORT: "1" })
    expect(again.stdout).toContain("The key brought already exists and stays unchanged.")
    expect(await outcomes({ ...configuration, ...credential })).toEqual(Array(6).fill("passed"))
  })

  it("leaves an existing key of another type unchanged", async () => {
    await bao.admin.enableTransit("others")
    await bao.admin.createTransitKey({ mount: "others", name: "theirs", type: "aes256-gcm96", exportable: true })
    const before = await bao.admin.readTransitKey("others", "theirs")
    const configuration = place("theirs", "others")
    const { stdout: _, ...credential } = await follow(configuration)
    expect(await bao.admin.readTransitKey("others", "theirs")).toEqual(before)
    const steps = await stepsOf(await open({ ...configuration, ...credential }))
    expect(steps.get("key_access")).toMatchObject({ outcome: "failed", code: "KEY_UNSUITABLE" })
  })

  it("keeps another key's policy and role: the first keystore still works after the script of the second", async () => {
    const one = place("c", "shared/a-b")
    const { stdout: _one, ...first } = await follow(one)
    for (const other of [place("b-c", "shared/a"), place("C", "shared/a-b"), place("d", "shared/a-b")]) {
      const { stdout: _other, ...second } = await follow(other)
      expect(await outcomes({ ...other, ...second })).toEqual(Array(6).fill("passed"))
    }
    expect(await outcomes({ ...one, ...first })).toEqual(Array(6).fill("passed"))
  })

  it("refuses a mount of another engine, names its type, and leaves it unchanged", async () => {
    await bao.admin.send({ method: "POST", path: "sys/mounts/key-values", body: { type: "kv" } })
    await expect(follow(place("k", "key-values"))).rejects.toMatchObject({
      stderr: "key-values already exists, but is not of type transit: choose another mount_path. It has type: kv\n",
    })
    await bao.admin.send({ method: "POST", path: "sys/auth/people", body: { type: "userpass" } })
    await expect(follow(place("k", "for-people", { auth_mount_path: "people" }))).rejects.toMatchObject({
      stderr: expect.stringContaining(
        "people already exists, but is not of type approle: choose another auth_mount_path.",
      ),
    })
  })

  it("hides no other error: it ends at once with a token that has no permissions", async () => {
    const { token } = await bao.admin.createToken({ policies: ["default"] })
    const { script } = await documents(place("k", "forbidden"))
    const path = `${dirname(await installOpenBao())}${delimiter}${process.env.PATH ?? ""}`
    const run = execution("bash", ["-c", script.text], { cwd: folder, env: { PATH: path, BAO_TOKEN: token } })
    await expect(run).rejects.toMatchObject({ stdout: "", stderr: expect.stringContaining("permission denied") })
  })

  it("sets the role id of the configuration, whatever its characters, and reports when another role has it", async () => {
    for (const roleId of ["openkcm-role-id-12345", "@/etc/hostname", "-", `it's "$HOME" \\`]) {
      const configuration = place("chosen", "with-role-id", { role_id: roleId })
      const printed = await follow(configuration)
      expect(printed).toMatchObject({ role_id: roleId })
      const { stdout: _, ...credential } = printed
      expect(await outcomes({ ...configuration, ...credential })).toEqual(Array(6).fill("passed"))
    }
    await follow(place("chosen", "with-role-id", { role_id: "taken" }))
    await expect(follow(place("other", "with-role-id", { role_id: "taken" }))).rejects.toMatchObject({
      stderr: expect.stringMatching(/role_id already in use.*another role of auth\/approle has it: choose another/s),
    })
  })

  it("writes the secret id into a file that only its owner can read, and says where the operator puts it", async () => {
    const configuration = place("filed", "with-file", {
      role_id: "filed",
      secret_id_path: "/etc/openkcm/the secret-id",
    })
    for (let run = 0; run < 2; run += 1) {
      const { stdout } = await follow(configuration)
      const file = join(folder, "the secret-id")
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      const secretId = (await readFile(file, "utf8")).trim()
      expect(stdout).not.toContain(secretId)
      expect(stdout).toContain("<credentialDirectory>/<tenant>/etc/openkcm/the secret-id\n")
      const { secret_id_path: _, ...inline } = configuration
      expect(await outcomes({ ...inline, secret_id: secretId })).toEqual(Array(6).fill("passed"))
    }
    await writeFile(join(folder, "the secret-id"), "something else\n")
    await expect(follow(configuration)).rejects.toMatchObject({
      stderr: expect.stringContaining("does not hold a secret id"),
    })
    expect(await readFile(join(folder, "the secret-id"), "utf8")).toBe("something else\n")
  })

  it("applies the same policy to the role that the document shows", async () => {
    const configuration = place("k", "read-and-written")
    const { policy, script } = await documents(configuration)
    expect(script.text).toContain(`<<'EOF'\n${policy.text}EOF\n`)
    await follow(configuration)
    const listed = await bao.admin.send({ method: "LIST", path: "sys/policies/acl" })
    const names = z.object({ data: policies }).parse(listed.body).data.keys
    expect(names).toContain(policy.fileName.replace(/\.hcl$/, ""))
  })

  it("leaves out the excess of the story's policy, and adds what it lacks", async () => {
    const { policy } = await documents(place("k", "openkcm-keys"))
    expect(policy.text).not.toContain("/data/")
    expect(policy.text).toContain('path "openkcm-keys/keys/k"')
    expect(policy.text).not.toMatch(/capabilities = \[[^\]]*"create"/)
  })

  it("can be pasted into an interactive shell, which it neither changes nor ends", async () => {
    const { script } = await documents(place("k", "-odd/mount"))
    const pasted = join(folder, "pasted")
    await writeFile(pasted, `${script.text}echo "after: $? $- [\${BAO_ADDR-}]"\n`)
    const { stdout } = await execution("bash", ["-c", "bash --norc < pasted 2>/dev/null"], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? "", HOME: folder },
    })
    expect(stdout).toMatch(/^after: [1-9]\d* h?B?s \[\]\n$/)
  })

  it("accepts a mount path that looks like an option", async () => {
    const configuration = place("k", "-odd/mount")
    const { stdout: _, ...credential } = await follow(configuration)
    expect(await outcomes({ ...configuration, ...credential })).toEqual(Array(6).fill("passed"))
  })

  it("runs nothing from an address with shell metacharacters", async () => {
    const vault_address = "https://openbao.example.com/a'$(touch-something)'b"
    const { script } = await documents(place("k", "transit", { vault_address }))
    const line = script.text.split("\n").find((each) => each.startsWith("export BAO_ADDR=")) ?? ""
    const { stdout } = await execution("bash", ["-c", `${line}; printf %s "$BAO_ADDR"`])
    expect(stdout).toBe(new URL(vault_address).href)
  })
})
