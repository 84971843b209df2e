import { isDeepStrictEqual } from "node:util"
import {
  type HttpClientOptions,
  isPluginError,
  type KeystoreProviderV1,
  type ProvidedKeystore,
} from "@apeiro-cmk/plugin-interface"
import { pluginError, secretFromBytes } from "@apeiro-cmk/plugin-sdk"
import { openInProcess, type TestServices, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { plugin } from "../src/index.ts"
import { OpenBao, roundTrip, stepsOf } from "./open-bao.ts"
import { preparePlatform } from "./platform-policy.ts"

const available = await openBaoAvailable()

describe.skipIf(!available).each(["namespace", "mount"] as const)("platform keystores by %s", (isolation) => {
  let bao: OpenBao
  let platformToken: string
  const request = { keystoreId: "main" }

  beforeAll(async () => {
    bao = await OpenBao.start()
    await bao.admin.writePolicy("platform", await preparePlatform(bao, isolation))
    platformToken = await bao.createBareToken("platform")
  })
  afterAll(() => bao.stop())

  const start = async (section: Readonly<Record<string, unknown>> = {}, services: TestServices = testServices()) => {
    const { token = platformToken, ...fields } = section
    const platform = { vault_address: bao.server.address, isolation, auth_method: "token", ...fields }
    const plugin = await bao.start({ platform, platformCredential: token }, services)
    return { plugin, services, provider: required(plugin.provider) }
  }

  const openProvided = async ({ configuration, secrets }: ProvidedKeystore, tenantId: string) => {
    const { plugin } = await start()
    const handles = Object.entries(secrets).map(([name, bytes]) => [name, secretFromBytes(bytes, "1")] as const)
    return plugin.openKeystore({ ...configuration, ...Object.fromEntries(handles) }, testCall({ tenantId }))
  }

  const removed = async (provider: KeystoreProviderV1, tenantId: string) => {
    await provider.deleteKeystore(request, testCall({ tenantId }))
    return bao.admin.send({ method: "GET", path: placeAt(tenantId) })
  }
  const tokenOf = async ({ configuration, secrets }: ProvidedKeystore): Promise<string> => {
    const { namespace, auth_mount_path, role_id } = configuration
    const answer = await bao.server.send({
      method: "POST",
      path: `auth/${auth_mount_path}/login`,
      ...(typeof namespace === "string" ? { namespace } : {}),
      body: { role_id, secret_id: Buffer.from(required(secrets.secret_id)).toString() },
    })
    return z.object({ auth: z.object({ client_token: z.string() }) }).parse(answer.body).auth.client_token
  }
  const placeAt = (tenantId: string) =>
    isolation === "namespace" ? `sys/namespaces/openkcm-${tenantId}_main` : `sys/mounts/openkcm-${tenantId}_main`

  it("creates a keystore that passes the connection test", async () => {
    const { provider, services } = await start()
    const provided = await provider.createKeystore(request, testCall({ tenantId: "acme" }))
    const keystore = await openProvided(provided, "acme")
    const steps = [...(await stepsOf(keystore)).values()]
    expect(steps.filter(({ outcome }) => outcome !== "passed" && outcome !== "skipped")).toEqual([])
    expect(Buffer.from(await roundTrip(keystore)).toString()).toBe("plaintext-canary-of-openbao-test")
    expect(await keystore.describeKey(keystore.defaultKey, testCall({ tenantId: "acme" }))).toMatchObject({
      algorithm: "aes256-gcm96",
      exportable: false,
      warnings: [],
    })
    const secret = Buffer.from(required(provided.secrets.secret_id)).toString()
    expect(JSON.stringify([provided.configuration, services.logger.lines])).not.toContain(secret)
  })

  it("issues a credential that reaches its own key and nothing else", async () => {
    const { provider } = await start()
    const own = await provider.createKeystore(request, testCall({ tenantId: "globex" }))
    await provider.createKeystore(request, testCall({ tenantId: "initech" }))
    const token = await tokenOf(own)
    const namespace = typeof own.configuration.namespace === "string" ? own.configuration.namespace : undefined
    const allowed = await bao.server.send({
      ...{ method: "POST", path: `${own.configuration.mount_path}/encrypt/l1`, token },
      ...(namespace === undefined ? {} : { namespace }),
      body: { plaintext: "AAAA" },
    })
    expect(allowed.status).toBe(200)
    const foreign =
      isolation === "namespace" ? "openkcm-initech_main/transit/encrypt/l1" : "openkcm-initech_main/encrypt/l1"
    for (const path of [foreign, "sys/policies/acl/platform", "sys/mounts/other", "sys/namespaces/other"]) {
      for (const where of new Set([undefined, namespace])) {
        const answer = await bao.server.send({
          ...{ method: "POST", path, token, body: { plaintext: "AAAA", type: "transit", policy: "" } },
          ...(where === undefined ? {} : { namespace: where }),
        })
        expect([path, where, answer.status]).toEqual([path, where, 403])
      }
    }
    const ownMount = own.configuration.mount_path
    for (const path of [
      `${ownMount}/keys/l1/rotate`,
      `${ownMount}/keys/other`,
      `${ownMount}/export/encryption-key/l1`,
    ]) {
      const answer = await bao.server.send({
        ...{ method: "POST", path, token, body: {} },
        ...(namespace === undefined ? {} : { namespace }),
      })
      expect([path, answer.status]).toEqual([path, 403])
    }
  })

  it("can be called again: the keystore is the same, and each secret id works", async () => {
    const { provider } = await start()
    const call = () => testCall({ tenantId: "again" })
    const [first, second] = await Promise.all([
      retried(() => provider.createKeystore(request, call())),
      retried(() => provider.createKeystore(request, call())),
    ])
    const third = await provider.createKeystore(request, call())
    expect(second.configuration).toEqual(first.configuration)
    expect(third.configuration).toEqual(first.configuration)
    expect(isDeepStrictEqual(first.secrets, third.secrets)).toBe(false)
    for (const provided of [first, second, third]) await roundTrip(await openProvided(provided, "again"))
  })

  it("continues where it was interrupted, whichever request was the last", async () => {
    const complete = async (tenantId: string, requests: number) => {
      const { plugin, provider } = await start({}, cutAfter(requests))
      const failed = await provider.createKeystore(request, testCall({ tenantId })).then(
        () => undefined,
        (error: unknown) => error,
      )
      await plugin.stop()
      const { provider: whole } = await start()
      const provided = await whole.createKeystore(request, testCall({ tenantId }))
      await roundTrip(await openProvided(provided, tenantId))
      return failed !== undefined
    }
    const cut: boolean[] = []
    do cut.push(await complete(`cut-${cut.length}`, cut.length))
    while (cut.at(-1) === true)
    expect(cut.length).toBeGreaterThan(8)
  })

  it("removes the keystore with its key, and can be called again", async () => {
    const { provider } = await start()
    const provided = await provider.createKeystore(request, testCall({ tenantId: "gone" }))
    const token = await tokenOf(provided)
    expect((await removed(provider, "gone")).status).toBeGreaterThanOrEqual(400)
    await provider.deleteKeystore(request, testCall({ tenantId: "gone" }))
    const encrypt = { method: "POST", path: `${provided.configuration.mount_path}/encrypt/l1` } as const
    expect([403, 404]).toContain((await bao.server.send({ ...encrypt, token, body: { plaintext: "AAAA" } })).status)
    const recreated = await provider.createKeystore(request, testCall({ tenantId: "gone" }))
    await roundTrip(await openProvided(recreated, "gone"))
  })

  it("leaves alone what another owner created under its name", async () => {
    const name = "openkcm-squatted_main"
    const path = isolation === "namespace" ? `sys/namespaces/${name}` : `sys/mounts/${name}`
    await bao.write(path, isolation === "namespace" ? {} : { type: "transit", description: "of another team" })
    const { provider } = await start()
    const call = () => testCall({ tenantId: "squatted" })
    await expect(provider.createKeystore(request, call())).rejects.toMatchObject({ code: "KEY_UNSUITABLE" })
    await expect(provider.deleteKeystore(request, call())).rejects.toMatchObject({ code: "KEY_UNSUITABLE" })
    expect((await bao.admin.send({ method: "GET", path })).status).toBe(200)
  })

  it("names the permission that the platform's credential lacks", async () => {
    await bao.admin.writePolicy("nothing", `path "nothing" { capabilities = ["read"] }`)
    const { provider } = await start({ token: await bao.createBareToken("nothing") })
    const failure = provider.createKeystore(request, testCall({ tenantId: "acme" }))
    await expect(failure).rejects.toMatchObject({ code: "DENIED", message: expect.stringContaining(placeAt("acme")) })
  })

  it("refuses a server that the operator's own egress policy forbids", async () => {
    const { provider } = await start({ vault_address: "https://elsewhere.example" })
    const failure = provider.createKeystore(request, testCall({ tenantId: "acme" }))
    await expect(failure).rejects.toMatchObject({ code: "INVALID_REQUEST" })
  })
})

it("sends no request for a keystore whose name is too long for a configuration", async () => {
  const platform = { vault_address: "https://openbao.example:8200", namespace: "team", name_prefix: "p".repeat(24) }
  const pluginConfiguration = { platform: { ...platform, auth_method: "token" }, platformCredential: "unused" }
  const started = await openInProcess(plugin, { pluginConfiguration })
  const call = testCall({ tenantId: "t".repeat(40) })
  await expect(required(started.provider).createKeystore({ keystoreId: "k".repeat(63) }, call)).rejects.toMatchObject({
    code: "INVALID_REQUEST",
    nextStep: expect.stringContaining("shorter plugin_name"),
  })
})

/** Services whose connections break after that many requests. */
function cutAfter(requests: number): TestServices {
  const { createHttpClient } = testServices()
  let sent = 0
  return testServices({
    createHttpClient(options: HttpClientOptions) {
      const client = createHttpClient(options)
      const request: typeof client.request = async (given) => {
        const answer = await client.request(given)
        sent += 1
        // The server has processed the request, but its answer is lost.
        if (sent > requests) throw pluginError("UNREACHABLE", "cut", "Wait.")
        return answer
      }
      return { ...client, request }
    },
  })
}

/** OpenBao answers 500 to some concurrent writes, which the caller may retry. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  return work().catch((error: unknown) => {
    if (isPluginError(error) && error.retryable) return work()
    throw error
  })
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("missing")
  return value
}
