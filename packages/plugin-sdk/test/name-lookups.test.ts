import { mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { createNameLookups, type LookupCaller, systemClock } from "../src/services.ts"
import { type FakeClock, fakeClock } from "../src/testing.ts"
import { type DnsTestServer, dnsTestServer, type TestAnswer } from "./dns-test-server.ts"

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Setting {
  readonly names?: Readonly<Record<string, TestAnswer>>
  readonly hosts?: string
  readonly resolv?: string
  readonly ttlSeconds?: number
  readonly clock?: FakeClock
}

/** Look-ups with files in a folder of their own, and a DNS server that knows the names and no others. */
async function lookups({ names = {}, hosts = "", resolv = "", ttlSeconds, clock }: Setting) {
  const folder = await mkdtemp(join(tmpdir(), "apeiro-cmk-names-"))
  cleanups.push(() => rm(folder, { recursive: true }))
  const server = await dnsTestServer((name) => names[name] ?? "unknown", ttlSeconds)
  cleanups.push(async () => server[Symbol.asyncDispose]())
  const hostsFile = join(folder, "hosts")
  const resolvConf = join(folder, "resolv.conf")
  await writeFile(hostsFile, hosts)
  await writeFile(resolvConf, resolv)
  const lookUp = createNameLookups({ clock: clock ?? systemClock, hostsFile, resolvConf, servers: [server.address] })
  const addresses = async (name: string, caller: LookupCaller = { tenantId: "acme" }) =>
    (await lookUp(name, caller)).map(({ address }) => address)
  return { server, lookUp, addresses, hostsFile, resolvConf }
}

const askedNames = ({ questions }: DnsTestServer) => [...new Set(questions.map((each) => each.split(" ")[0]))]
const dead = (count: number) => Array.from({ length: count }, (_, index) => `slow${index}.example`)
const silent = (count: number) => Object.fromEntries(dead(count).map((name) => [name, "silence" as const]))

describe("a name look-up", () => {
  it("gives the addresses of both families, IPv4 first", async () => {
    const { lookUp } = await lookups({ names: { "vault.example": ["2001:db8::7", "192.0.2.7", "192.0.2.8"] } })
    const found = await lookUp("Vault.Example", { tenantId: "acme" })
    expect(found.map(({ family }) => family)).toEqual([4, 4, 6])
    expect(found.map(({ address }) => address).toSorted()).toEqual(["192.0.2.7", "192.0.2.8", "2001:db8::7"])
  })

  it("does not wait for a family of which a server never answers", async () => {
    const server = await dnsTestServer((_name, type) => (type === "A" ? ["192.0.2.7"] : "silence"))
    cleanups.push(async () => server[Symbol.asyncDispose]())
    const lookUp = createNameLookups({
      clock: systemClock,
      hostsFile: "/nowhere",
      resolvConf: "/nowhere",
      servers: [server.address],
    })
    expect(await lookUp("vault.example", { tenantId: "acme" })).toEqual([{ address: "192.0.2.7", family: 4 }])
  })

  it("reads the hosts file first, again when it changes, and asks no server for what it lists", async () => {
    const { addresses, server, hostsFile } = await lookups({
      hosts: "# comment\n192.0.2.1 vault.example vault # names\n2001:db8::1\tvault\n",
      names: { "vault.example": ["192.0.2.9"] },
    })
    expect(await addresses("vault")).toEqual(["192.0.2.1", "2001:db8::1"])
    expect(await addresses("VAULT.example")).toEqual(["192.0.2.1"])
    await writeFile(`${hostsFile}.new`, "192.0.2.2 vault.example\n")
    await rename(`${hostsFile}.new`, hostsFile)
    expect(await addresses("vault.example")).toEqual(["192.0.2.2"])
    expect(server.questions).toEqual([])
  })

  it("asks no server for localhost and for numeric hosts", async () => {
    const { addresses, server } = await lookups({ names: { localhost: ["192.0.2.9"] } })
    expect(await addresses("localhost")).toEqual(["127.0.0.1", "::1"])
    expect(await addresses("a.localhost")).toEqual(["127.0.0.1", "::1"])
    expect(await addresses("192.0.2.1")).toEqual(["192.0.2.1"])
    expect(await addresses("2001:db8::1")).toEqual(["2001:db8::1"])
    expect(server.questions).toEqual([])
  })

  it.each([
    ["vault", "search a.example b.example\n", ["vault.a.example", "vault.b.example"]],
    ["vault.x", "search a.example b.example\n", ["vault.x", "vault.x.a.example", "vault.x.b.example"]],
    ["vault.x", "search a.example b.example\noptions timeout:1 ndots:2\n", ["vault.x.a.example", "vault.x.b.example"]],
    ["vault", "domain ignored.example\nsearch b.example\n", ["vault.b.example"]],
    ["vault", "search b.example.\n; comment\n", ["vault.b.example"]],
  ])("of %s asks as resolv.conf says", async (name, resolv, asked) => {
    const { addresses, server } = await lookups({ resolv, names: { [asked.at(-1) ?? ""]: ["192.0.2.3"] } })
    expect(await addresses(name)).toEqual(["192.0.2.3"])
    expect(askedNames(server)).toEqual(asked)
  })

  it("reads resolv.conf again when it changes", async () => {
    const { addresses, resolvConf } = await lookups({ names: { "vault.b.example": ["192.0.2.3"] } })
    await expect(addresses("vault", { tenantId: "acme" })).rejects.toMatchObject({ code: "ENOTFOUND" })
    await writeFile(resolvConf, "search b.example\n")
    expect(await addresses("vault", { tenantId: "globex" })).toEqual(["192.0.2.3"])
  })

  it("tells a name that does not exist from servers that fail", async () => {
    const { addresses } = await lookups({ names: { "broken.example": "failure", "empty.example": [] } })
    await expect(addresses("none.example")).rejects.toMatchObject({ code: "ENOTFOUND" })
    await expect(addresses("empty.example")).rejects.toMatchObject({ code: "ENOTFOUND" })
    await expect(addresses("broken.example")).rejects.toMatchObject({ code: "EAI_AGAIN" })
  })

  it("ends at its deadline where no server answers", async () => {
    const clock = fakeClock()
    const { addresses, server } = await lookups({ names: silent(1), clock })
    const looking = expect(addresses("slow0.example")).rejects.toMatchObject({ code: "EAI_AGAIN" })
    await server.asked(2)
    await clock.advance(3_500)
    await looking
  })

  it("ends when the last caller that waits gives up, and not before", async () => {
    const { addresses, server } = await lookups({ names: silent(1), clock: fakeClock() })
    const callers = [new AbortController(), new AbortController()]
    const waits = callers.map(({ signal }, index) => addresses("slow0.example", { tenantId: `t${index}`, signal }))
    await server.asked(2)
    callers[0]?.abort()
    await expect(waits[0]).rejects.toMatchObject({ code: "CANCELLED" })
    const third = new AbortController()
    const joined = addresses("slow0.example", { tenantId: "t2", signal: third.signal })
    callers[1]?.abort()
    third.abort()
    await expect(waits[1]).rejects.toMatchObject({ code: "CANCELLED" })
    await expect(joined).rejects.toMatchObject({ code: "CANCELLED" })
    expect(server.questions).toHaveLength(2)
  })

  it("is made once for all who want the name at the same time", async () => {
    const { addresses, server } = await lookups({ names: { "vault.example": ["192.0.2.7"] } })
    await Promise.all(Array.from({ length: 40 }, (_, index) => addresses("vault.example", { tenantId: `t${index}` })))
    expect(server.questions.toSorted()).toEqual(["vault.example A", "vault.example AAAA"])
  })
})

describe("what was looked up", () => {
  it("is remembered as long as its records hold, at most a minute", async () => {
    for (const [ttlSeconds, heldMs] of [
      [5, 5_000],
      [86_400, 60_000],
      [0, 1_000],
    ] as const) {
      const clock = fakeClock()
      const { addresses, server } = await lookups({ names: { "vault.example": ["192.0.2.7"] }, ttlSeconds, clock })
      await addresses("vault.example")
      await clock.advance(heldMs - 1)
      await addresses("vault.example")
      expect(server.questions).toHaveLength(2)
      await clock.advance(1)
      await addresses("vault.example")
      expect(server.questions).toHaveLength(4)
    }
  })

  it("is remembered for seconds where there is no such name", async () => {
    const clock = fakeClock()
    const { addresses, server } = await lookups({ clock })
    for (let round = 0; round < 3; round += 1) await expect(addresses("none.example")).rejects.toThrow()
    expect(server.questions).toHaveLength(2)
    await clock.advance(5_000)
    await expect(addresses("none.example")).rejects.toThrow()
    expect(server.questions).toHaveLength(4)
  })

  it("stays, however many names another tenant or the tenant's own tests look up", async () => {
    const { addresses, server } = await lookups({ names: { "vault.example": ["192.0.2.7"] }, clock: fakeClock() })
    await addresses("vault.example")
    const others = Array.from({ length: 68 }, (_, index) => [
      addresses(`x${index}.example`, { tenantId: "globex" }),
      addresses(`y${index}.example`, { tenantId: "acme", purpose: "test" }),
    ])
    await Promise.all(others.flat().map((other) => expect(other).rejects.toThrow()))
    const before = server.questions.length
    expect(await addresses("vault.example")).toEqual(["192.0.2.7"])
    expect(server.questions).toHaveLength(before)
  })
})

describe("a tenant that looks up dead names", () => {
  const names = { ...silent(60), "vault.example": ["192.0.2.7"] } as const

  it.each(["test", "login", undefined] as const)("keeps no other tenant waiting (%s)", async (purpose) => {
    const { addresses, server } = await lookups({ names, clock: fakeClock() })
    const attacker = new AbortController()
    const caller = { tenantId: "globex", signal: attacker.signal, ...(purpose === undefined ? {} : { purpose }) }
    const attack = dead(60).map((name) => addresses(name, caller).catch((error: unknown) => error))
    await server.asked(8)
    for (const other of [undefined, "test", "login"] as const) {
      const call = { tenantId: `acme-${other}`, ...(other === undefined ? {} : { purpose: other }) }
      expect(await addresses("vault.example", call)).toEqual(["192.0.2.7"])
    }
    attacker.abort()
    await Promise.all(attack)
  })

  it("in tests keeps its own active keystores' look-ups going", async () => {
    const { addresses, server } = await lookups({ names, clock: fakeClock() })
    const { signal, abort } = controller()
    const attack = dead(60).map((name) =>
      addresses(name, { tenantId: "acme", purpose: "test", signal }).catch(() => {}),
    )
    await server.asked(8)
    expect(await addresses("vault.example", { tenantId: "acme" })).toEqual(["192.0.2.7"])
    abort()
    await Promise.all(attack)
  })

  it("receives an error about its share after a bounded wait", async () => {
    const clock = fakeClock()
    const { addresses, server } = await lookups({ names, clock })
    const { signal, abort } = controller()
    const codes: string[] = []
    const attack = dead(20).map((name) =>
      addresses(name, { tenantId: "globex", signal }).catch((error: { code: string; origin?: string }) => {
        codes.push(`${error.code} ${error.origin ?? ""}`)
      }),
    )
    await server.asked(16)
    await clock.advance(1_500)
    expect(codes).toEqual(Array(12).fill("THROTTLED host"))
    abort()
    await Promise.all(attack)
  })
})

function controller() {
  const made = new AbortController()
  return { signal: made.signal, abort: () => made.abort() }
}
