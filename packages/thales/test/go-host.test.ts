import { execFileSync } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  createCmkEmulator,
  type GoHost,
  goHostAvailable,
  softHsmAvailable,
  startGoHost,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Hsm, pin } from "./hsm.ts"

const available = (await softHsmAvailable()) && (await goHostAvailable())
const serve = fileURLToPath(new URL("../src/serve.ts", import.meta.url))

describe.skipIf(!available)("thales as a process under the upstream Go host", () => {
  let hsm: Hsm
  let host: GoHost
  let folder: string
  let management: Record<string, unknown>

  beforeAll(async () => {
    hsm = await Hsm.start()
    folder = await mkdtemp(join(tmpdir(), "thales-upstream-"))
    await mkdir(join(folder, "upstream"))
    await writePin(pin)
    hsm.admin.createKey("partition", "first")
    const { pin: _pin, key_label: _label, ...fields } = hsm.configuration("partition", "")
    management = { ...fields, pin_path: "hsm-pin" }
    host = await startGoHost([
      {
        ...{ name: "THALES", type: "KeystoreInstanceKeyOperation", path: process.execPath, args: [serve] },
        env: { APEIRO_CMK_CREDENTIAL_DIRECTORY: folder },
        yamlConfiguration: JSON.stringify(hsm.pluginConfiguration()),
        logLevel: "debug",
      },
    ])
    expect(host.loaded).toMatchObject({ event: "loaded", ok: true })
  })
  afterAll(async () => {
    await host?.kill()
    await hsm?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const writePin = (text: string) => writeFile(join(folder, "upstream", "hsm-pin"), `${text}\n`)
  const cmk = () => createCmkEmulator(host, { clientCert: "unused", privateKey: "unused" })
  const parameters = (keyId: string, more: Record<string, unknown> = {}) => ({
    parameters: { config: { values: { ...management, ...more } }, keyId },
  })

  it("registers a key that its owner holds, and sees each change to it at the next sync", async () => {
    const hyok = { nativeId: "first", management }
    expect(await cmk().register(hyok)).toEqual({
      status: 201,
      region: "127.0.0.1",
      primaryVersion: expect.stringMatching(/^1-/),
    })
    expect(await cmk().register({ ...hyok, nativeId: "none" })).toEqual({
      ...{ status: 400, code: "REGISTER_KEY_PROVIDER_KEY_NOT_FOUND" },
    })
    hsm.admin.deleteKey("partition", "first")
    expect(await cmk().sync(hyok)).toBe("DELETED")
  })

  it("generates and deletes keys, and reports what it does not support", async () => {
    const config = { values: management }
    const create = { config, algorithm: "KEY_ALGORITHM_AES256", id: "made", keyType: "KEY_TYPE_SYSTEM_MANAGED" }
    expect((await host.call("CreateKey", create)).response).toEqual({ keyId: "made", status: "ENABLED" })
    expect((await host.call("CreateKey", create)).response).toEqual({ keyId: "made", status: "ENABLED" })
    // That server names keys by a UUID, and creates them for material that their owner brings.
    const uuid = "7d3b1f0a-0000-4000-8000-00000000abcd"
    expect(await host.call("CreateKey", { ...create, id: uuid })).toMatchObject({ code: "INVALID_ARGUMENT" })
    expect(await host.call("CreateKey", { ...create, keyType: "KEY_TYPE_BYOK" })).toMatchObject({
      code: "UNIMPLEMENTED",
    })
    for (const method of ["EnableKey", "DisableKey", "GetImportParameters"]) {
      expect(await host.call(method, parameters("made")), method).toMatchObject({ code: "UNIMPLEMENTED" })
    }
    const answers = await Promise.all(Array.from({ length: 20 }, () => host.call("GetKey", parameters("made"))))
    expect(answers.filter(({ ok }) => ok)).toHaveLength(20)
    expect(await host.call("DeleteKey", parameters("made"))).toMatchObject({ ok: true })
    expect(await host.call("GetKey", parameters("made"))).toMatchObject({
      ...{ code: "NOT_FOUND", message: "key not found in the keystore provider" },
    })
  })

  it("has one process for the token, however many keys of it are registered or absent", async () => {
    hsm.admin.createKey("partition", "shared-1")
    hsm.admin.createKey("partition", "shared-2")
    for (const keyId of ["shared-1", "shared-2", "absent-1", "absent-2", "absent-3"])
      expect(await host.call("GetKey", parameters(keyId)), keyId).toMatchObject({ ok: keyId.startsWith("shared") })
    const served = childrenOf(host.processId)
    expect(served).toHaveLength(1)
    expect(childrenOf(served[0] ?? 0)).toHaveLength(1)
  })

  it("validates access data without the HSM", async () => {
    const { pin_path: _, ...withoutPin } = management
    expect(await cmk().register({ nativeId: "first", management: withoutPin })).toEqual({
      ...{ status: 400, code: "INVALID_ACCESS_DATA" },
      context: { reason: "MISSING_FIELDS", missingFields: "pin" },
    })
    expect(await cmk().register({ nativeId: "first", management: { ...management, slot_id: "one" } })).toMatchObject({
      ...{ code: "INVALID_ACCESS_DATA", context: { reason: "CANNOT_PARSE_DATA" } },
    })
  })

  it("tries a refused PIN once, and a new one when the file holds it", async () => {
    hsm.admin.createKey("partition", "second")
    await writePin("not-the-pin")
    // Another configuration of the same token: a separate keystore, which has to log in.
    const asked = parameters("second", { slot_id: 4 })
    const refused = { code: "INVALID_ARGUMENT", message: "failed to authenticate with the keystore provider" }
    expect(await host.call("GetKey", asked)).toMatchObject(refused)
    expect(await host.call("GetKey", asked)).toMatchObject({
      ...refused,
      details: [{ metadata: { message: expect.stringContaining("not tried again") } }],
    })
    await writePin(pin)
    expect((await host.call("GetKey", asked)).response).toMatchObject({ status: "ENABLED" })
  })

  it("logs no PIN, and exits on its own when asked to", async () => {
    expect(host.log().join("\n")).not.toMatch(new RegExp(`${pin}|not-the-pin`))
    expect(await host.close()).toMatchObject({ ok: true, plugins: [{ exit: "self" }] })
  })
})

function childrenOf(processId: number): readonly number[] {
  return execFileSync("pgrep", ["-P", String(processId)])
    .toString()
    .trim()
    .split("\n")
    .map(Number)
}
