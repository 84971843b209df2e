import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createTestAuthority, softHsmAvailable, type TestAuthority } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"
import { Hsm } from "./hsm.ts"

const hangMs = 20_000
const paths = {
  client_certificate: "thales_client_cert.pem",
  client_private_key: "thales_client_key.pem",
  ca_certificate: "thales_ca_cert.pem",
}

describe.skipIf(!(await softHsmAvailable()))("the Luna client's configuration", () => {
  let hsm: Hsm
  let authority: TestAuthority
  let credentialDirectory: string
  let temporary: string

  beforeAll(async () => {
    hsm = await Hsm.start()
    authority = await createTestAuthority("appliances")
    credentialDirectory = await mkdtemp(join(tmpdir(), "thales-credentials-"))
    await mkdir(join(credentialDirectory, "acme"))
  })
  afterAll(async () => {
    await hsm.stop()
    await rm(credentialDirectory, { recursive: true, force: true })
  })

  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), "thales-temporary-"))
    const before = process.env.TMPDIR
    process.env.TMPDIR = temporary
    onTestFinished(async () => {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
      await rm(temporary, { recursive: true, force: true })
    })
    const { certificate, privateKey } = await authority.issue({ commonName: "client" })
    await write({
      client_certificate: certificate,
      client_private_key: privateKey,
      ca_certificate: authority.certificate,
    })
  })

  async function write(files: Partial<Record<keyof typeof paths, string>>): Promise<void> {
    for (const [field, text] of Object.entries(files)) {
      await writeFile(join(credentialDirectory, "acme", paths[field as keyof typeof paths]), text)
    }
  }

  async function open(more: object = {}) {
    const key_label = hsm.newLabel()
    hsm.admin.createKey("partition", key_label)
    const { test } = hsm.pluginConfiguration().modules
    const services = testServices({ credentialDirectory })
    const started = await openInProcess(plugin, {
      services,
      pluginConfiguration: {
        modules: { test: { ...test, clientConfiguration: "chrystoki" } },
        allowedAddresses: ["192.168.1.0/24"],
      },
    })
    onTestFinished(() => started.stop())
    const addresses = { hsm_ip_addresses: ["192.168.1.100"] }
    const configuration = { ...hsm.configuration("partition", key_label), ...addresses, ...paths, ...more }
    return { started, services, configuration, keystore: await started.openKeystore(configuration, testCall()) }
  }

  const written = async () => (await readdir(temporary)).filter((name) => name.startsWith("apeiro-cmk-luna-"))

  it("is written for one process, readable by its user alone, and removed with the process", async () => {
    const { keystore, services } = await open()
    await keystore.probe(testCall())
    const [name = ""] = await written()
    const folder = join(temporary, name)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    for (const file of await readdir(folder)) expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600)
    const text = await readFile(join(folder, "Chrystoki.conf"), "utf8")
    expect(text).toContain("ServerName00 = 192.168.1.100;")
    expect(text).toContain(`ClientPrivKeyFile = ${folder}/client-key.pem;`)
    await keystore.close()
    await expect.poll(written, { timeout: hangMs }).toEqual([])
    expect(services.logger.text()).not.toContain("PRIVATE KEY")
  })

  it("is never the machine's own: without the tenant's files nothing is opened", async () => {
    const none = { client_certificate: undefined, client_private_key: undefined, ca_certificate: undefined }
    await expect(open(none)).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      issues: [{ path: ["client_certificate"] }],
    })
  })

  it.each([
    [["169.254.169.254"], [0]],
    [["192.168.1.100", "10.0.0.1"], [1]],
    [["::ffff:127.0.0.1", "192.168.1.100"], [0]],
    [
      ["::1", "192.168.1.100", "fd00::1", "192.168.2.1"],
      [0, 2, 3],
    ],
  ])("has no address that the operator does not allow: of %j", async (hsm_ip_addresses, refused) => {
    const serial_numbers = hsm_ip_addresses.map((_each, index) => `${index}`)
    await expect(open({ hsm_ip_addresses, serial_numbers })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      issues: refused.map((index) => ({ path: ["hsm_ip_addresses", index] })),
    })
    expect(await written()).toEqual([])
  })

  it("comes with a PIN out of a file only for appliances that the operator names", async () => {
    const { started, configuration } = await open()
    const { pin, ...rest } = configuration
    const file = (name: string) => join(credentialDirectory, "acme", name)
    onTestFinished(() => rm(file("allowed-origins"), { force: true }))
    await writeFile(file("pin"), String(pin))
    const use = async () => {
      const keystore = await started.openKeystore({ ...rest, pin_path: "pin" }, testCall())
      try {
        await keystore.probe(testCall())
      } finally {
        await keystore.close()
      }
    }
    for (const rule of [undefined, "https://192.168.1.100", "https://192.168.1.101:1792"]) {
      if (rule !== undefined) await writeFile(file("allowed-origins"), rule)
      await expect(use(), rule).rejects.toMatchObject({
        code: "INVALID_REQUEST",
        message: "The file that pin_path names may not be sent to https://192.168.1.100:1792.",
      })
    }
    await writeFile(file("allowed-origins"), "https://192.168.1.100:1792")
    await use()
  })

  async function certificateStep() {
    const { keystore } = await open()
    for await (const step of keystore.testConnection(testCall())) if (step.name === "client_certificate") return step
    return undefined
  }

  it("is checked by the connection test: how long the certificate is valid, and who issued it", async () => {
    const long = await authority.issue({ commonName: "client", validUntilMs: Date.now() + 90 * 86_400_000 })
    await write({ client_certificate: long.certificate, client_private_key: long.privateKey })
    expect(await certificateStep()).toMatchObject({ outcome: "passed", message: expect.stringContaining("days") })
    const soon = { commonName: "client", validUntilMs: Date.now() + 3_600_000 }
    const short = await authority.issue(soon)
    await write({ client_certificate: short.certificate, client_private_key: short.privateKey })
    expect(await certificateStep()).toMatchObject({
      outcome: "warned",
      message: expect.stringContaining("0 more days"),
    })
    const stranger = await createTestAuthority("stranger")
    await write({ ca_certificate: `${stranger.certificate}\n` })
    await write({ client_certificate: long.certificate, client_private_key: long.privateKey })
    expect(await certificateStep()).toMatchObject({ message: expect.stringContaining("issuer is not in") })
    const impostor = await createTestAuthority("appliances")
    await write({ ca_certificate: `${stranger.certificate}\n${impostor.certificate}` })
    expect(await certificateStep()).toMatchObject({ outcome: "failed", code: "INVALID_REQUEST" })
  })

  it.each<[string, () => Promise<Partial<Record<keyof typeof paths, string>>>, string, string]>([
    [
      "the key of another certificate",
      async () => ({ client_private_key: (await authority.issue({ commonName: "other" })).privateKey }),
      "client_private_key",
      "is not the key",
    ],
    [
      "an expired certificate",
      async () => {
        const issued = await authority.issue({ commonName: "client", validUntilMs: Date.now() - 1000 })
        return { client_certificate: issued.certificate, client_private_key: issued.privateKey }
      },
      "client_certificate",
      "has expired",
    ],
    [
      "no certificate of the appliances",
      async () => ({ ca_certificate: "none" }),
      "ca_certificate",
      "does not contain a certificate",
    ],
    [
      "an empty key",
      async () => ({ client_private_key: "" }),
      "client_private_key",
      "does not contain exactly one unencrypted key",
    ],
    [
      "two keys in one file",
      async () => {
        const { certificate, privateKey } = await authority.issue({ commonName: "client" })
        const other = await authority.issue({ commonName: "other" })
        return { client_certificate: certificate, client_private_key: privateKey + other.privateKey }
      },
      "client_private_key",
      "does not contain exactly one unencrypted key",
    ],
  ])("is refused with %s, and nothing is left behind", async (_what, spoil, field, words) => {
    await write(await spoil())
    const { keystore } = await open()
    await expect(keystore.probe(testCall())).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      issues: [{ path: [field], message: expect.stringContaining(words) }],
    })
    expect(await written()).toEqual([])
  })
})
