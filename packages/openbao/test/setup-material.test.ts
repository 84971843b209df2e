import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { promisify } from "node:util"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { installOpenBao, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OpenBao, roundTrip, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: set-up material", () => {
  let bao: OpenBao
  let folder: string
  beforeAll(async () => {
    bao = await OpenBao.start()
    folder = await mkdtemp(join(tmpdir(), "openbao-setup-"))
    await bao.admin.send({ method: "DELETE", path: "sys/auth/approle" })
    await bao.admin.inNamespace("acme")
  })
  afterAll(async () => {
    await bao?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Does with the documents what they say. @returns what the script printed as `name: value` */
  async function follow(configuration: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, string>>> {
    const plugin = await bao.start({}, testServices())
    for (const { fileName, text } of plugin.setupMaterial(configuration)) await writeFile(join(folder, fileName), text)
    const { stdout } = await promisify(execFile)("bash", ["openbao-setup.sh"], {
      cwd: folder,
      env: {
        PATH: `${dirname(await installOpenBao())}${delimiter}${process.env.PATH ?? ""}`,
        HOME: folder,
        BAO_TOKEN: bao.server.rootToken,
      },
    })
    return Object.fromEntries([...stdout.matchAll(/^(\w+): (.+)$/gm)].map(([, name, value]) => [name, value]))
  }

  async function open(configuration: Readonly<Record<string, unknown>>) {
    const plugin = await bao.start({}, testServices())
    return plugin.openKeystore(configuration, testCall())
  }

  it("prepares an untouched OpenBao for AppRole, in which every step of the connection test passes", async () => {
    const place = { ...bao.configuration("master-key"), mount_path: "made/by-script", auth_method: "approle" }
    const { role_id, secret_id } = await follow(place)
    const keystore = await open({ ...place, role_id, secret_id })
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    const outcomes = [...(await stepsOf(keystore)).values()].map(({ outcome }) => outcome)
    expect(outcomes).toEqual(Array(5).fill("passed"))
  })

  it("prepares a namespace for a token, which is renewable and has an end", async () => {
    const place = {
      ...bao.configuration("master-key"),
      mount_path: "transit",
      namespace: "acme",
      auth_method: "token",
    }
    const { token } = await follow(place)
    const keystore = await open({ ...place, token })
    const outcomes = [...(await stepsOf(keystore)).values()].map(({ outcome }) => outcome)
    expect(outcomes).toEqual(Array(5).fill("passed"))
  })

  it("leaves out what the story's policy has too much, and adds what it lacks", async () => {
    const plugin = await bao.start({}, testServices())
    const [policy] = plugin.setupMaterial({ ...bao.configuration("k"), auth_method: "approle" })
    expect(policy?.text).not.toContain("/data/")
    expect(policy?.text).toContain('path "openkcm-keys/keys/k"')
    expect(policy?.text).not.toMatch(/capabilities = \[[^\]]*"create"/)
  })

  it("cannot be made to run anything by an address with shell characters", async () => {
    const plugin = await bao.start({}, testServices())
    const vault_address = "https://openbao.example.com/a'$(touch-something)'b"
    const documents = plugin.setupMaterial({ ...bao.configuration("k"), vault_address, auth_method: "approle" })
    const line = documents[1]?.text.split("\n").find((each) => each.startsWith("export BAO_ADDR=")) ?? ""
    const { stdout } = await promisify(execFile)("bash", ["-c", `${line}; printf %s "$BAO_ADDR"`])
    expect(stdout).toBe(new URL(vault_address).href)
  })
})
