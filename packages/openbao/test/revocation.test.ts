import type { DecryptRequest, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { isPluginError } from "@apeiro-cmk/plugin-interface"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import {
  type OpenBaoCluster,
  type OpenBaoServer,
  openBaoAvailable,
  startOpenBaoCluster,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { context, OpenBao, plaintext, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()

/** Half a second at raft's multiplier 1 (measured: 0.5 s; at OpenBao's default of 5: 2.5 s), and time to answer. */
const stepsDownWithinMs = 3_000

describe.skipIf(!available)("openbao: a revocation at the leader of three nodes", () => {
  let cluster: OpenBaoCluster
  let bao: OpenBao
  beforeAll(async () => {
    cluster = await startOpenBaoCluster()
    bao = await OpenBao.on(await cluster.active())
  })
  afterAll(async () => {
    await bao?.stop()
    await cluster?.stop()
  })

  const standbysOf = (active: OpenBaoServer) => cluster.nodes.filter((node) => node !== active)
  const addresses = () => cluster.nodes.map(({ address }) => address)

  /** Opens at a node; the other addresses are those of the cluster, unless it is the only one. */
  async function open(node: OpenBaoServer, isOnly = false) {
    const others = addresses().filter((address) => address !== node.address)
    const configuration = { vault_address: node.address, ...(isOnly ? {} : { cluster_addresses: others }) }
    const opened = await bao.open({ configuration, pluginConfiguration: { requestTimeoutMs: 3_000 } })
    return { ...opened, wrap: await wrapOf(opened.keystore) }
  }

  async function wrapOf(keystore: KeystoreV1): Promise<DecryptRequest> {
    const key = keystore.defaultKey
    return { key, context, ...(await keystore.encrypt({ key, plaintext, context }, testCall())) }
  }

  async function outcomeOf(keystore: KeystoreV1, wrap: DecryptRequest): Promise<string> {
    try {
      await keystore.decrypt(wrap, testCall({ timeoutMs: 8_000 }))
      return "decrypted"
    } catch (error) {
      return isPluginError(error) ? error.code : String(error)
    }
  }

  const revoked = (role: string, active: OpenBaoServer) =>
    active.admin.writePolicy(role, `path "nothing" { capabilities = ["read"] }`)

  it("ends service while the standby named first is cut off from the leader", async () => {
    const active = await cluster.active()
    for (const standby of standbysOf(active)) {
      const { keystore, role, wrap } = await open(standby)
      expect(await outcomeOf(keystore, wrap)).toBe("decrypted")
      cluster.isolate(standby)
      await revoked(role, active)
      expect(await outcomeOf(keystore, wrap)).toBe("DENIED")
      // Its own copy still allows it: no answer came from there.
      await expect(keystore.describeKey(keystore.defaultKey, testCall())).rejects.toMatchObject({ code: "DENIED" })
      cluster.heal()
      await keystore.close()
    }
  })

  it("would not end it at a cut-off standby that is the only address, of which the connection test warns", async () => {
    const active = await cluster.active()
    const [standby = active] = standbysOf(active)
    const { keystore, role, wrap } = await open(standby, true)
    expect((await stepsOf(keystore)).get("active_node")).toMatchObject({
      outcome: "warned",
      message: expect.stringContaining("disable_standby_reads"),
      nextStep: expect.stringContaining("cluster_addresses"),
    })
    cluster.isolate(standby)
    await revoked(role, active)
    expect(await outcomeOf(keystore, wrap)).toBe("decrypted")
    cluster.heal()
    const own = await open(active, true)
    expect((await stepsOf(own.keystore)).get("active_node")).toMatchObject({ outcome: "passed" })
  })

  it("ends it after a change of leader, while the old leader is cut off and still answers others", async () => {
    const old = await cluster.active()
    const { keystore, role, wrap } = await open(old)
    expect(await outcomeOf(keystore, wrap)).toBe("decrypted")
    cluster.isolate(old)
    const elected = await otherActive(old)
    await revoked(role, elected)
    expect(await outcomeOf(keystore, wrap)).toBe("DENIED")
    cluster.heal()
    // The old leader follows the new one before the next test writes through it.
    await vi.waitFor(() => bao.admin.writePolicy("healed", ""), { timeout: 20_000, interval: 200 })
  })

  it("gives no answer at all when the only reachable nodes have no leader", async () => {
    const active = await cluster.active()
    const { keystore, wrap } = await open(active)
    const cutAtMs = performance.now()
    const [one = active, two = active] = standbysOf(active)
    await Promise.all([one.kill(), two.kill()])
    let served = cutAtMs
    while ((await outcomeOf(keystore, wrap)) === "decrypted") served = performance.now()
    expect(served - cutAtMs).toBeLessThan(stepsDownWithinMs)
    expect(await outcomeOf(keystore, wrap)).toBe("UNREACHABLE")
  })

  async function otherActive(old: OpenBaoServer): Promise<OpenBaoServer> {
    for (;;) {
      for (const node of standbysOf(old)) {
        if ((await node.send({ method: "GET", path: "sys/health" })).status === 200) return node
      }
    }
  }
})

describe.skipIf(!available)("openbao: a cluster whose standbys pass requests on", () => {
  it("passes the step active_node at any address", async () => {
    const cluster = await startOpenBaoCluster({ standbyReads: false })
    const active = await cluster.active()
    const bao = await OpenBao.on(active)
    try {
      for (const node of cluster.nodes) {
        const { keystore } = await bao.open({ configuration: { vault_address: node.address } })
        expect((await stepsOf(keystore)).get("active_node")).toMatchObject({
          outcome: "passed",
          message: expect.stringContaining(node === active ? "The active node" : "passes each request on"),
        })
      }
    } finally {
      await bao.stop()
      await cluster.stop()
    }
  })
})
