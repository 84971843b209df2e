import { inspect } from "node:util"
import type { Caller, EgressPolicy } from "@apeiro-cmk/plugin-interface"
import { afterEach, describe, expect, it } from "vitest"
import type { HostLookup } from "../src/services.ts"
import { testCall, testServices } from "../src/testing.ts"
import { httpServer, type TestServer } from "./server.ts"

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A server on every loopback address that answers with the address at which it was called. */
async function everywhere(): Promise<TestServer> {
  const server = await httpServer((request, response) => response.end(request.socket.localAddress), { host: "0.0.0.0" })
  cleanups.push(() => server[Symbol.asyncDispose]())
  return server
}

function clientWith(egress: Partial<EgressPolicy>, lookup?: HostLookup) {
  const services = testServices(lookup === undefined ? {} : { lookup })
  const policy = {
    allowedEndpoints: ["https://*", "http://vault.test:*", "http://127.0.0.1:*"],
    allowedAddresses: [],
    ...egress,
  }
  const client = services.createHttpClient({ egress: policy, connectTimeoutMs: 2000 })
  cleanups.push(() => client.close())
  const get = async (url: string) => {
    const answer = await client.request({
      method: "GET",
      url,
      signal: AbortSignal.timeout(20_000),
      call: { tenantId: "acme" },
    })
    return Buffer.from(answer.body).toString()
  }
  return { get, tcp: services.tcp, policy }
}

/** Answers each lookup with the next list of addresses, and every further one with the last list. */
const resolvingTo = (...answers: readonly (readonly string[])[]): HostLookup => {
  let round = 0
  return async () => {
    const addresses = answers[Math.min(round, answers.length - 1)] ?? []
    round += 1
    return addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }))
  }
}

const refusedName = {
  code: "UNREACHABLE",
  message: expect.stringContaining("has no address to which connections may go"),
}
const forbiddenAddress = { code: "UNREACHABLE", origin: "caller", retryable: false }

describe("connections for tenants", () => {
  it("never go to a private, loopback, link-local or metadata address, in any spelling of it", async () => {
    const { get } = clientWith({})
    const spellings = [
      "https://127.0.0.1/",
      "https://2130706433/",
      "https://0x7f.1/",
      "https://0177.0.0.1/",
      "https://127.1/",
      "https://[::1]/",
      "https://[::ffff:127.0.0.1]/",
      "https://[::ffff:7f00:1]/",
      "https://[::127.0.0.1]/",
      "https://[64:ff9b::7f00:1]/",
      "https://0.0.0.0/",
      "https://[::]/",
      "https://10.0.0.1/",
      "https://172.16.0.1/",
      "https://192.168.1.1/",
      "https://100.64.0.1/",
      "https://169.254.1.1/",
      "https://[fe80::1]/",
      "https://[fc00::1]/",
      "https://169.254.169.254/latest/meta-data/",
      "https://2852039166/",
      "https://0xa9fea9fe/",
      "https://0xA9.0xFE.0xA9.0xFE/",
      "https://0251.0376.0251.0376/",
      "https://169.254.43518/",
      "https://[::ffff:169.254.169.254]/",
      "https://[0:0:0:0:0:ffff:a9fe:a9fe]/",
      "https://[64:ff9b::169.254.169.254]/",
      "https://[fd00:ec2::254]/",
      "https://[FD00:EC2:0:0:0:0:0:254]/",
      "https://１６９.254.169.254/",
      "https://①⑥⑨.254.169.254/",
      "https://169。254。169。254/",
      "https://224.0.0.1/",
      "https://255.255.255.255/",
    ]
    for (const url of spellings) await expect(get(url), url).rejects.toMatchObject(forbiddenAddress)
  })

  it("are refused where a name resolves to a forbidden address, and the message does not say which", async () => {
    const server = await everywhere()
    for (const address of [
      "127.0.0.1",
      "169.254.169.254",
      "10.1.2.3",
      "::1",
      "::ffff:127.0.0.1",
      "fd00:ec2::254",
      "fe80::1%lo",
    ]) {
      const { get } = clientWith({}, resolvingTo([address]))
      const error: unknown = await get(`http://vault.test:${server.port}/`).catch((reason: unknown) => reason)
      expect(error, address).toMatchObject(refusedName)
      expect(String(error)).not.toContain(address)
    }
    expect(server.connections()).toBe(0)
  })

  it("have one and the same error for a name that is refused and one that is not known", async () => {
    const failing = (code: string) => async () => Promise.reject(Object.assign(new Error("dns"), { code }))
    const lookups: readonly HostLookup[] = [
      resolvingTo(["10.1.2.3"]),
      resolvingTo(["127.0.0.1", "::1"]),
      resolvingTo([]),
      failing("ENOTFOUND"),
      failing("EAI_AGAIN"),
    ]
    const errors: unknown[] = []
    for (const lookup of lookups) {
      const { get, tcp, policy } = clientWith({}, lookup)
      errors.push(await get("https://vault.test/").catch((error: unknown) => error))
      errors.push(await tcp.probe("vault.test", 443, policy, testCall()).catch((error: unknown) => error))
    }
    const seen = errors.map((error) => inspect(error, { depth: 5 }).replaceAll(/\n\s+at .*/g, ""))
    expect(new Set(seen).size).toBe(1)
    expect(errors[0]).toMatchObject(refusedName)
  })

  it("look up each name for the tenant that wants it, until it no longer does", async () => {
    const server = await everywhere()
    const callers: unknown[] = []
    const lookup: HostLookup = async (_name, { signal, ...caller }) => {
      callers.push(caller)
      if (caller.tenantId === "quits") await new Promise((resolve) => signal?.addEventListener("abort", resolve))
      return [{ address: "127.0.0.1", family: 4 }]
    }
    const client = testServices({ lookup }).createHttpClient({
      egress: { allowedEndpoints: ["http://vault.test:*"], allowedAddresses: ["127.0.0.1"] },
    })
    cleanups.push(() => client.close())
    const ask = (call: Caller, signal = AbortSignal.timeout(20_000)) =>
      client.request({ method: "GET", url: `http://vault.test:${server.port}/`, signal, call })
    const quits = new AbortController()
    const left = expect(ask({ tenantId: "quits" }, quits.signal)).rejects.toMatchObject({ code: "CANCELLED" })
    const expected: Caller[] = [{ tenantId: "acme" }, { tenantId: "globex", purpose: "test" }, { tenantId: "initech" }]
    await Promise.all(expected.map((call) => ask(call)))
    quits.abort()
    await left
    expect(callers).toHaveLength(4)
    expect(callers).toEqual(expect.arrayContaining(expected))
  })

  it("are refused for the machine's own loopback name", async () => {
    const { get } = clientWith({ allowedEndpoints: ["https://*", "http://localhost:*"] })
    await expect(get("http://localhost:1/")).rejects.toMatchObject(refusedName)
  })

  it("go to the address that was checked, whatever the name resolves to later (DNS rebinding)", async () => {
    const server = await everywhere()
    const { get } = clientWith({ allowedAddresses: ["127.0.0.2/32"] }, resolvingTo(["127.0.0.2"], ["127.0.0.1"]))
    const url = `http://vault.test:${server.port}/`
    expect(await get(url)).toBe("127.0.0.2")
    for (const socket of server.sockets) socket.destroy()
    await server.empty()
    await expect(get(url)).rejects.toMatchObject(refusedName)
    expect(server.connections()).toBe(1)
  })

  it("go only to the allowed ones among several addresses of a name", async () => {
    const server = await everywhere()
    const { get } = clientWith(
      { allowedAddresses: ["127.0.0.3/32"] },
      resolvingTo(["127.0.0.1", "::1", "127.0.0.3", "127.0.0.2"]),
    )
    expect(await get(`http://vault.test:${server.port}/`)).toBe("127.0.0.3")
    expect(server.connections()).toBe(1)
  })

  it("go to a private address where the operator allows it, also in its mapped spelling", async () => {
    const server = await everywhere()
    const { get } = clientWith({ allowedAddresses: ["127.0.0.0/8"] })
    expect(await get(`http://127.0.0.1:${server.port}/`)).toBe("127.0.0.1")
    const named = clientWith({ allowedAddresses: ["127.0.0.0/8"] }, resolvingTo(["::ffff:127.0.0.1"]))
    expect(await named.get(`http://vault.test:${server.port}/`)).toContain("127.0.0.1")
  })

  it("are refused outside the allowed endpoints before any name is resolved", async () => {
    let lookups = 0
    const { get } = clientWith({ allowedEndpoints: ["https://*.example.com", "https://vault.test:8200"] }, async () => {
      lookups += 1
      return []
    })
    for (const url of [
      "https://evil-example.com/",
      "https://example.com/",
      "https://a.b.example.com/",
      "https://vault.example.com.evil.test/",
      "https://vault.example.com:8200/",
      "http://vault.example.com/",
      "https://vault.test/",
      "https://vault.test:8201/",
      "https://vault.test:8200@evil.test/",
      "https://vault.test:8200\\@evil.test/",
      "https://user:password@vault.test:8200/",
      "https://@vault.test:8200/",
      "ftp://vault.test/",
      "file:///etc/passwd",
      "//vault.test:8200/",
      "https:vault.test:8200/",
      "https:///vault.test:8200/",
      "https://vault.test:8200/#fragment",
      "https://vault\t.test:8200/",
      " https://vault.test:8200/",
    ]) {
      await expect(get(url), url).rejects.toMatchObject({ code: "INVALID_REQUEST" })
    }
    expect(lookups).toBe(0)
  })

  it("do not repeat a password in a URL", async () => {
    const { get } = clientWith({})
    const error: unknown = await get("https://user:hunter2-canary@vault.test/").catch((reason: unknown) => reason)
    expect(`${error} ${JSON.stringify(error)}`).not.toContain("hunter2")
  })

  it("cannot be made with a malformed range in the policy", () => {
    const { createHttpClient } = testServices()
    expect(() => createHttpClient({ egress: { allowedEndpoints: [], allowedAddresses: ["10.0.0.0/33"] } })).toThrow(
      expect.objectContaining({ code: "INVALID_REQUEST" }),
    )
  })
})

describe("tcp probe", () => {
  it("tells whether somebody listens, and leaves no connection", async () => {
    const server = await everywhere()
    const { tcp, policy } = clientWith({ allowedAddresses: ["127.0.0.1/32"] })
    await tcp.probe("127.0.0.1", server.port, policy, testCall())
    await server.empty()
    await server[Symbol.asyncDispose]()
    cleanups.pop()
    await expect(tcp.probe("127.0.0.1", server.port, policy, testCall())).rejects.toMatchObject({
      code: "UNREACHABLE",
      cause: { code: "ECONNREFUSED" },
    })
  })

  it("obeys the same rules for addresses", async () => {
    const { tcp, policy } = clientWith({})
    for (const host of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0x7f000001", "2130706433", "localhost"]) {
      await expect(tcp.probe(host, 1, policy, testCall()), host).rejects.toMatchObject({
        code: "UNREACHABLE",
      })
    }
    for (const [host, port] of [
      ["a b", 1],
      ["", 1],
      ["vault.test", 0],
      ["vault.test", 65_536],
      ["vault.test", 1.5],
    ] as const) {
      await expect(tcp.probe(host, port, policy, testCall())).rejects.toMatchObject({
        code: "INVALID_REQUEST",
      })
    }
  })
})
