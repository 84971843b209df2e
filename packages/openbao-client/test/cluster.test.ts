import { fakeClock, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { createOpenBaoClient } from "../src/index.ts"
import { type ScriptedAnswer, ScriptedHttp } from "./scripted-http.ts"

/** Current state of a node. */
interface NodeState {
  readonly is: "active" | "standby" | "sealed"
  readonly cluster?: string
  /** Status of every answer except those to `sys/health` and the login. */
  readonly answers?: number
}

const read = { method: "GET", path: "transit/keys/k" } as const
const rotate = { method: "POST", path: "transit/keys/k/rotate", body: Buffer.from("{}") } as const
const encrypt = { method: "POST", path: "transit/encrypt/k", body: Buffer.from("{}"), repeatable: true } as const

/** Simulates the nodes `one`, `two`, ... of a cluster, each at a host with its name. */
function cluster(initial: Readonly<Record<string, NodeState>>) {
  const nodes: Record<string, NodeState> = { ...initial }
  const seen: string[] = []
  const answer = (host: string, path: string): ScriptedAnswer => {
    const { is, cluster: cluster_id = "c1", answers = 200 } = nodes[host] ?? { is: "sealed" }
    if (path === "sys/health") {
      const state = { initialized: true, sealed: is === "sealed", standby: is !== "active", version: "2.7.2" }
      return { status: 200, body: is === "sealed" ? state : { ...state, cluster_id } }
    }
    if (path === "auth/approle/login") {
      return { status: 200, body: { auth: { client_token: "t", lease_duration: 3600, renewable: true } } }
    }
    seen.push(`${host} ${path}`)
    return { status: answers, body: answers === 200 ? { data: {} } : { errors: ["no"] } }
  }
  const http = new ScriptedHttp((path, _token, host = "") => answer(host, path))
  const client = createOpenBaoClient({
    address: "https://one",
    clusterAddresses: Object.keys(initial)
      .slice(1)
      .map((name) => `https://${name}`),
    login: { method: "approle", mountPath: "approle", roleId: "r", secretId: async () => Buffer.from("s") },
    tenantId: "acme",
    http,
    requestTimeoutMs: 1_000,
    services: testServices({ clock: fakeClock() }),
  })
  return { client, nodes, seen, http }
}

describe("a cluster", () => {
  it("looks for the active node once, and sends the requests there", async () => {
    const { client, seen, http } = cluster({
      one: { is: "standby" },
      two: { is: "sealed" },
      three: { is: "active" },
    })
    await client.request(read, testCall())
    await client.request(encrypt, testCall())
    expect(seen).toEqual(["three transit/keys/k", "three transit/encrypt/k"])
    expect(http.count("sys/health")).toBe(3)
  })

  it("sends a repeatable request to the next active node when the first one fails", async () => {
    const { client, nodes, seen } = cluster({ one: { is: "active" }, two: { is: "standby" } })
    await client.request(read, testCall())
    nodes.one = { is: "sealed", answers: 503 }
    nodes.two = { is: "active" }
    await expect(client.request(encrypt, testCall())).resolves.toMatchObject({ status: 200 })
    expect(seen.slice(1)).toEqual(["one transit/encrypt/k", "two transit/encrypt/k"])
  })

  it("sends a request that changes something only once", async () => {
    const { client, nodes, seen } = cluster({ one: { is: "active" }, two: { is: "standby" } })
    await client.request(read, testCall())
    nodes.one = { is: "sealed", answers: 500 }
    nodes.two = { is: "active" }
    await expect(client.request(rotate, testCall())).rejects.toMatchObject({ code: "UNREACHABLE" })
    expect(seen.slice(1)).toEqual(["one transit/keys/k/rotate"])
    await client.request(rotate, testCall())
    expect(seen.at(-1)).toBe("two transit/keys/k/rotate")
  })

  it("is sealed when every node that answers is sealed", async () => {
    const { client } = cluster({ one: { is: "sealed" }, two: { is: "sealed" } })
    await expect(client.request(read, testCall())).rejects.toMatchObject({ code: "SEALED" })
    await expect(client.health(testCall())).resolves.toMatchObject({ sealed: true })
  })

  it("refuses a node with another cluster id, at the start and later", async () => {
    const mixed = cluster({ one: { is: "active", cluster: "c1" }, two: { is: "active", cluster: "c2" } })
    await expect(mixed.client.request(read, testCall())).rejects.toMatchObject({ code: "BAD_RESPONSE" })
    expect(mixed.seen).toEqual([])
    const replaced = cluster({ one: { is: "active" }, two: { is: "standby" } })
    await replaced.client.request(read, testCall())
    replaced.nodes.one = { is: "sealed", answers: 503 }
    replaced.nodes.two = { is: "active", cluster: "c2" }
    await expect(replaced.client.request(read, testCall())).rejects.toMatchObject({ code: "BAD_RESPONSE" })
    expect(replaced.seen.filter((each) => each.startsWith("two"))).toEqual([])
  })

  it("with one address sends no health requests, since that may be a load balancer", async () => {
    const { client, http } = cluster({ one: { is: "standby" } })
    await client.request(read, testCall())
    expect(http.count("sys/health")).toBe(0)
  })
})
