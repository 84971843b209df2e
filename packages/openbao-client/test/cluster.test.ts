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
  /** The node that becomes active when this one, still active, has failed a request. */
  readonly successor?: string
  /** The node that it names as its leader. Default: the first active one. */
  readonly names?: string
}

const read = { method: "GET", path: "transit/keys/k" } as const
const rotate = { method: "POST", path: "transit/keys/k/rotate", body: Buffer.from("{}") } as const
const encrypt = { method: "POST", path: "transit/encrypt/k", body: Buffer.from("{}"), repeatable: true } as const

/** Simulates the nodes `one`, `two`, ... of a cluster, each at a host with its name. */
function cluster(initial: Readonly<Record<string, NodeState>>) {
  const nodes: Record<string, NodeState> = { ...initial }
  const seen: string[] = []
  const answer = (host: string, path: string): ScriptedAnswer => {
    const {
      is,
      cluster: cluster_id = "c1",
      answers = 200,
      successor,
      names,
    }: NodeState = nodes[host] ?? { is: "sealed" }
    if (path === "sys/health") {
      const state = { initialized: true, sealed: is === "sealed", standby: is !== "active", version: "2.7.2" }
      return { status: 200, body: is === "sealed" ? state : { ...state, cluster_id } }
    }
    if (path === "sys/leader") {
      const leader = names ?? Object.keys(nodes).find((name) => nodes[name]?.is === "active")
      if (is === "sealed") return { status: 503, body: { errors: ["sealed"] } }
      const known = leader === undefined ? {} : { leader_cluster_address: `https://${leader}:8201` }
      return { status: 200, body: { is_self: leader === host, ...known } }
    }
    if (path === "auth/approle/login") {
      return { status: 200, body: { auth: { client_token: "t", lease_duration: 3600, renewable: true } } }
    }
    seen.push(`${host} ${path}`)
    if (successor !== undefined) Object.assign(nodes, { [host]: { is: "sealed" }, [successor]: { is: "active" } })
    return { status: answers, body: answers === 200 ? { data: {} } : { errors: ["no"] } }
  }
  const clock = fakeClock()
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
    services: testServices({ clock }),
  })
  return { client, clock, nodes, seen, http }
}

describe("a cluster", () => {
  it("looks for the active node once, and asks all nodes before each request whether it still is", async () => {
    const { client, seen, http } = cluster({
      one: { is: "standby" },
      two: { is: "standby" },
      three: { is: "active" },
    })
    await client.request(read, testCall())
    await client.request(encrypt, testCall())
    expect(seen).toEqual(["three transit/keys/k", "three transit/encrypt/k"])
    expect(http.count("sys/health")).toBe(3)
    // The login, and two requests.
    expect(http.count("sys/leader")).toBe(3 * 3)
  })

  it("sends nothing to a node that has become a standby, and follows the active one", async () => {
    const { client, nodes, seen } = cluster({ one: { is: "active" }, two: { is: "standby" }, three: { is: "standby" } })
    await client.request(read, testCall())
    nodes.one = { is: "standby" }
    nodes.two = { is: "active" }
    await client.request(encrypt, testCall())
    await client.request(rotate, testCall())
    expect(seen.slice(1)).toEqual(["two transit/encrypt/k", "two transit/keys/k/rotate"])
  })

  it("sends nothing to a node that calls itself active when the others follow another one", async () => {
    const { client, nodes, seen } = cluster({ one: { is: "active" }, two: { is: "standby" }, three: { is: "standby" } })
    await client.request(read, testCall())
    Object.assign(nodes, {
      one: { is: "active", names: "one" },
      two: { is: "active", names: "two" },
      three: { is: "standby", names: "two" },
    })
    await client.request(encrypt, testCall())
    expect(seen.slice(1)).toEqual(["two transit/encrypt/k"])
  })

  it("sends nothing to a node that calls itself active when too few answer to confirm it", async () => {
    const { client, clock, nodes, seen } = cluster({
      one: { is: "active" },
      two: { is: "standby" },
      three: { is: "standby" },
    })
    await client.request(read, testCall())
    Object.assign(nodes, { two: { is: "sealed" }, three: { is: "sealed" } })
    const failure = expect(client.request(encrypt, testCall())).rejects.toMatchObject({ code: "UNREACHABLE" })
    for (let passed = 0; passed < 3_000; passed += 250) await clock.advance(250)
    await failure
    expect(seen).toEqual(["one transit/keys/k"])
  })

  it("sends nothing at all while no node is active, even a request that changes something", async () => {
    const { client, clock, nodes, seen } = cluster({
      one: { is: "active" },
      two: { is: "standby" },
      three: { is: "standby" },
    })
    await client.request(read, testCall())
    nodes.one = { is: "sealed" }
    for (const request of [read, encrypt, rotate]) {
      const failure = expect(client.request(request, testCall())).rejects.toMatchObject({
        ...{ code: "UNREACHABLE", origin: "backend", message: expect.stringContaining("standby") },
      })
      for (let passed = 0; passed < 3_000; passed += 250) await clock.advance(250)
      await failure
    }
    expect(seen).toEqual(["one transit/keys/k"])
    const waiting = client.request(rotate, testCall())
    await clock.advance(250)
    nodes.two = { is: "active" }
    await clock.advance(250)
    await expect(waiting).resolves.toMatchObject({ status: 200 })
    expect(seen.slice(1)).toEqual(["two transit/keys/k/rotate"])
  })

  it("sends a repeatable request to the next active node when the first one fails", async () => {
    const { client, nodes, seen } = cluster({ one: { is: "active" }, two: { is: "standby" }, three: { is: "standby" } })
    await client.request(read, testCall())
    nodes.one = { is: "active", answers: 500, successor: "two" }
    await expect(client.request(encrypt, testCall())).resolves.toMatchObject({ status: 200 })
    expect(seen.slice(1)).toEqual(["one transit/encrypt/k", "two transit/encrypt/k"])
  })

  it("sends a request that changes something only once", async () => {
    const { client, nodes, seen } = cluster({ one: { is: "active" }, two: { is: "standby" }, three: { is: "standby" } })
    await client.request(read, testCall())
    nodes.one = { is: "active", answers: 500, successor: "two" }
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
    const mixed = cluster({ one: { is: "active" }, two: { is: "standby", cluster: "c2" }, three: { is: "standby" } })
    await expect(mixed.client.request(read, testCall())).rejects.toMatchObject({ code: "BAD_RESPONSE" })
    expect(mixed.seen).toEqual([])
    const replaced = cluster({ one: { is: "active" }, two: { is: "standby" }, three: { is: "standby" } })
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
