import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createTestAuthority, openBaoAvailable, type TestAuthority } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OpenBao, roundTrip } from "./open-bao.ts"

const available = await openBaoAvailable()

/** Makes four calls at a time without a pause until `stop` is called. */
function load(keystore: KeystoreV1) {
  let running = true
  let done = 0
  const waiters = new Set<() => void>()
  const work = Array.from({ length: 4 }, async () => {
    while (running) {
      await roundTrip(keystore)
      done += 1
      for (const waiter of waiters) waiter()
    }
  })
  const failed = Promise.all(work)
  failed.catch(() => undefined)
  return {
    /** Resolves after that many more round trips, or rejects with the first failure. */
    async goesOn(rounds: number) {
      const target = done + rounds
      const reached = new Promise<void>((resolve) => waiters.add(() => (done >= target ? resolve() : undefined)))
      await Promise.race([reached, failed])
    },
    async stop() {
      running = false
      await failed
    },
  }
}

describe.skipIf(!available)("openbao: certificates that are replaced during operation", () => {
  let bao: OpenBao
  let key: string
  let authority: TestAuthority
  let credentialDirectory: string
  beforeAll(async () => {
    bao = await OpenBao.start({ tls: true, requireClientCertificate: true })
    if (bao.server.authority === undefined) throw new Error("the server has no authority")
    authority = bao.server.authority
    credentialDirectory = await mkdtemp(join(tmpdir(), "credentials-"))
    await mkdir(join(credentialDirectory, "acme"))
    key = await bao.createKey()
  })
  afterAll(async () => {
    await bao?.stop()
    await rm(credentialDirectory, { recursive: true, force: true })
  })

  /** Replaces a file atomically, as certificate rotation does. */
  async function put(name: string, text: string): Promise<void> {
    const path = join(credentialDirectory, "acme", name)
    await writeFile(`${path}.new`, text)
    await rename(`${path}.new`, path)
  }

  async function putClient(from: TestAuthority, validUntilMs?: number): Promise<void> {
    const times = validUntilMs === undefined ? {} : { validUntilMs }
    const { certificate, privateKey } = await from.issue({ commonName: "openkcm", ...times })
    await put("tls.crt", certificate)
    await put("tls.key", privateKey)
  }

  async function open(services = testServices({ credentialDirectory })) {
    const fields = {
      ca_certificate: undefined,
      ca_certificate_path: "ca.crt",
      client_certificate_path: "tls.crt",
      client_key_path: "tls.key",
    }
    return bao.open({ key, services, configuration: fields })
  }

  it("adopts a new server certificate, authority and client certificate without a failed call", async () => {
    await put("ca.crt", authority.certificate)
    await putClient(authority)
    const { keystore, services } = await open()
    const traffic = load(keystore)
    const replacements = () => services.logger.text().split("certificates were replaced").length - 1
    const seen = (count: number) => expect.poll(replacements, { timeout: 10_000 }).toBe(count)
    await traffic.goesOn(20)

    await putClient(authority)
    await seen(1)
    await traffic.goesOn(20)

    const next = await createTestAuthority("the next authority")
    await put("ca.crt", authority.certificate + next.certificate)
    await seen(2)
    await bao.server.replaceCertificate(next)
    await traffic.goesOn(20)
    await put("ca.crt", next.certificate)
    await seen(3)
    await traffic.goesOn(20)
    await traffic.stop()
    await keystore.close()
  })

  it("reads the new authority from the file when the server switches first", async () => {
    const trusted = bao.server.authority?.certificate ?? ""
    await put("ca.crt", (await createTestAuthority("a foreign authority")).certificate)
    await putClient(authority)
    const { keystore } = await open()
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: "UNREACHABLE",
      retryable: false,
      message: expect.stringContaining("authority is not trusted"),
    })
    await put("ca.crt", trusted)
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
  })

  it("keeps the working files while the new ones do not match, and refuses to start with files that do not match", async () => {
    await put("ca.crt", bao.server.authority?.certificate ?? "")
    await putClient(authority)
    const { keystore, services } = await open()
    await roundTrip(keystore)
    await put("tls.key", (await authority.issue({ commonName: "openkcm" })).privateKey)
    await expect
      .poll(
        async () => {
          await roundTrip(keystore)
          return services.logger.text()
        },
        { timeout: 10_000 },
      )
      .toContain("the ones before stay in use")
    const fresh = await open()
    await expect(roundTrip(fresh.keystore)).rejects.toMatchObject({ code: "INVALID_REQUEST" })
  })

  it("explains what is wrong with a client certificate that is missing, foreign or expired", async () => {
    await put("ca.crt", bao.server.authority?.certificate ?? "")
    const without = await bao.open({ key, configuration: { ca_certificate: bao.server.authority?.certificate } })
    await expect(roundTrip(without.keystore)).rejects.toMatchObject({ code: "UNREACHABLE" })
    await putClient(await createTestAuthority("a foreign authority"))
    const foreign = await open()
    await expect(roundTrip(foreign.keystore)).rejects.toMatchObject({ code: "UNREACHABLE" })
    await putClient(authority, Date.now() - 1_000)
    await expect(roundTrip((await open()).keystore)).rejects.toMatchObject({
      code: "CREDENTIAL_REJECTED",
      message: expect.stringContaining("client certificate expired"),
    })
    await putClient(authority)
    await expect(roundTrip(foreign.keystore)).resolves.toHaveLength(32)
  })
})
