import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { joinOpenBao, type OpenBaoServer, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OpenBao, roundTrip } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: a cluster of three nodes", () => {
  let bao: OpenBao
  let nodes: readonly OpenBaoServer[] = []
  let key: string
  beforeAll(async () => {
    // Three nodes cannot share one declared audit file.
    const audit = false
    bao = await OpenBao.start({ nodeId: "one", audit })
    key = await bao.createKey()
    // One after the other: raft accepts one new voter at a time.
    const two = await joinOpenBao(bao.server, { nodeId: "two", audit })
    nodes = [bao.server, two, await joinOpenBao(bao.server, { nodeId: "three", audit })]
  })
  afterAll(async () => {
    await Promise.all(nodes.slice(1).map((node) => node.stop()))
    await bao?.stop()
  })

  const addresses = () => nodes.map(({ address }) => address)

  /** Opens with a standby as the first address. */
  async function open(): Promise<KeystoreV1> {
    const [one = "", two = "", three = ""] = addresses()
    const configuration = { vault_address: three, cluster_addresses: [two, one] }
    return (await bao.open({ key, configuration, pluginConfiguration: { requestTimeoutMs: 10_000 } })).keystore
  }

  it("can be reached by any of its addresses", async () => {
    const keystore = await open()
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    await keystore.close()
  })

  it("continues without a failed call when the active node dies, and when a node is sealed", async () => {
    const [one, two, three] = nodes
    if (one === undefined || two === undefined || three === undefined) throw new Error("no cluster")
    const keystore = await open()
    const fresh = await open()
    await roundTrip(keystore)
    await one.kill()
    // Parallel calls during the election wait for its outcome.
    const calls = Array.from({ length: 8 }, () => roundTrip(keystore))
    await expect(Promise.all(calls)).resolves.toHaveLength(8)
    const identity = (await keystore.describeKey(keystore.defaultKey, testCall())).identity
    expect(identity).toContain(key)

    await one.startSealed()
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    await expect(roundTrip(fresh)).resolves.toHaveLength(32)

    await Promise.all([two, three].map((node) => node.kill()))
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "SEALED" })
    await Promise.all([two, three].map((node) => node.startSealed()))
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "SEALED" })

    await Promise.all(nodes.map((node) => node.unsealStandby()))
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    await Promise.all(nodes.map((node) => node.kill()))
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "UNREACHABLE" })
  })

  it("refuses addresses of different clusters, and one that the operator does not allow", async () => {
    const other = await OpenBao.start()
    const another = await OpenBao.start()
    try {
      const configuration = { cluster_addresses: [another.server.address] }
      const { keystore } = await other.open({ configuration })
      await expect(roundTrip(keystore)).rejects.toMatchObject({
        code: "BAD_RESPONSE",
        message: expect.stringContaining("different OpenBao clusters"),
      })
      const forbidden = { ...configuration, cluster_addresses: ["https://elsewhere.test:8200"] }
      await expect(other.open({ configuration: forbidden, services: testServices() })).rejects.toMatchObject({
        code: "INVALID_REQUEST",
        issues: [{ path: ["cluster_addresses", 0] }],
      })
    } finally {
      await Promise.all([other.stop(), another.stop()])
    }
  })
})
