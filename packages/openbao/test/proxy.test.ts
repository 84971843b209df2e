import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { connectProxy, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { plugin } from "../src/index.ts"
import { OpenBao, roundTrip, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: through the operator's proxy", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start({ tls: true })
  })
  afterAll(async () => bao?.stop())

  /** Name in the server's certificate; only the proxy can resolve it. */
  const byName = () => `https://localhost:${bao.server.port}`
  const settings = (proxy: string, more: Readonly<Record<string, unknown>> = {}) => ({
    proxy,
    allowedEndpoints: ["https://localhost:*"],
    allowedAddresses: [],
    ...more,
  })

  it("reaches the server by its name, and the proxy sees nothing else", async () => {
    await using proxy = await connectProxy()
    const { keystore } = await bao.open({
      pluginConfiguration: settings(proxy.url),
      configuration: { vault_address: byName() },
    })
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    expect([...(await stepsOf(keystore)).values()].map(({ outcome }) => outcome)).toEqual([
      ...Array(6).fill("passed"),
      "skipped",
    ])
    expect(new Set(proxy.targets)).toEqual(new Set([`localhost:${bao.server.port}`]))
    expect(proxy.untunnelled).toEqual([])
    await keystore.close()
  })

  it("connects directly to hosts of noProxy, and checks their addresses", async () => {
    await using proxy = await connectProxy()
    const open = (allowedAddresses: readonly string[]) =>
      bao.open({
        pluginConfiguration: settings(proxy.url, { noProxy: ["localhost"], allowedAddresses }),
        configuration: { vault_address: byName() },
      })
    const { keystore } = await open(["127.0.0.0/8", "::1/128"])
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    await expect(roundTrip((await open([])).keystore)).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: expect.stringContaining("has no address to which connections may go"),
    })
    expect(proxy.targets).toEqual([])
  })

  it("blames the operator's proxy when it is unreachable, and refuses settings without named hosts", async () => {
    const proxy = await connectProxy()
    await proxy[Symbol.asyncDispose]()
    const { keystore } = await bao.open({
      pluginConfiguration: settings(proxy.url),
      configuration: { vault_address: byName() },
      services: testServices(),
    })
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "UNREACHABLE", origin: "host" })
    const everywhere = settings(proxy.url, { allowedEndpoints: ["https://*"] })
    expect(plugin.configuration.plugin.parse(everywhere)).toMatchObject({
      ok: false,
      issues: [{ path: ["allowedEndpoints"] }],
    })
  })
})
