import { generateKeyPairSync, randomUUID, sign, X509Certificate } from "node:crypto"
import { fileURLToPath } from "node:url"
import { Agent, request } from "undici"
import { describe, expect, it, onTestFinished } from "vitest"
import {
  type AppWish,
  createTestAuthority,
  type FortanixEmulatorOptions,
  fortanixClientAvailable,
  runFortanixClient,
  startFortanixEmulator,
} from "../src/index.ts"

const judge = fileURLToPath(new URL("fixtures/judge_fortanix.py", import.meta.url))
const everything = ["ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "MANAGE", "EXPORT"] as const

describe.skipIf(!(await fortanixClientAvailable()))("the Fortanix emulator, judged by Fortanix's client", () => {
  it("answers its calls, and refuses with a status and a message", async () => {
    const { emulator, groupId } = await start({ fipsLevel: 3 })
    const quorum = emulator.createGroup("quorum", "for changes")
    const app = emulator.createApp({ groups: { [groupId]: everything, [quorum.id]: everything } })
    const reader = emulator.createApp({ groups: { [groupId]: ["DECRYPT"] } })
    const server = { address: emulator.address, apiKey: emulator.apiKey(app) }
    const seen: unknown = JSON.parse(await runFortanixClient(judge, server, emulator.apiKey(reader), quorum.id))
    const refused = "400 Decryption failed: invalid ciphertext, tag or length"
    const missing = "404 Security object does not exist"
    expect(seen).toEqual({
      ...{ version: ["v1", "Software", 3], health: null, "own app": "Secret", groups: ["group", "quorum"] },
      generated: ["AES", 256, "Active", true, true, "FortanixHSM"],
      ...{ "by id": "kek", "by name": true, "listed by name": ["kek"], missing },
      "same name": "409 Security object with this name exists",
      ...{ "after page-1": ["page-2", "page-3"], "of another creator": 0 },
      "sorted by nothing known": "400 sort must be kid or name, with :asc or :desc",
      ...{ pages: [4, 2, 0], lengths: [12, 16, 5, true] },
      ...{ "round trip": "hello", "other associated data": refused, "other key": refused },
      "without tag length": "400 tag_len is needed for GCM",
      ...{ "by name round trip": "named", KWP: [32, "a key of some length"] },
      batch: [
        [200, null],
        [404, "Security object does not exist"],
      ],
      ...{ imported: ["External", false], unwrapped: true },
      "not exportable": "403 Key operation EXPORT is not allowed",
      ...{ sorted: ["page-4", "page-3"], derived: ["derived", 256, true], "own apps": [true] },
      "a vector that is none": "400 Encryption failed: invalid vector or length",
      ...{ rotated: [true, "kek", true], renamed: true, "old version opens": "hello", "new version does not": refused },
      "pre-active": "403 Security object is in state PreActive",
      ...{ activated: ["Active", 5], "activated twice": "400 Not possible in state Active" },
      disabled: "403 Security object is disabled",
      "destroy while active": "400 Not possible in state Active",
      deactivated: ["Deactivated", "hello"],
      "deactivated does not encrypt": "403 Security object is in state Deactivated",
      ...{ destroyed: "Destroyed", "destroyed does not decrypt": "403 Security object is in state Destroyed" },
      ...{ deleted: missing, "reader opens": "hello" },
      "reader does not encrypt": "403 App does not have permission ENCRYPT in the group",
      "reader makes no key": "403 App does not have permission MANAGE in the group",
      "foreign app": "403 An app can only see itself",
      "needs approval": "403 This operation requires approval",
      ...{ pending: ["PENDING", true], "pending ones": [true], "no result yet": "400 The request is PENDING" },
      ...{ refresh: null, terminate: null, "after it": "401 Unauthorized" },
    })
  })
})

async function start(options: FortanixEmulatorOptions = {}) {
  const emulator = await startFortanixEmulator(options)
  onTestFinished(() => emulator.stop())
  return { emulator, groupId: emulator.createGroup("group").id }
}

/** Sends one request as any client would. */
async function send(
  address: string,
  call: string,
  authorization?: string,
  body?: unknown,
  dispatcher: Agent = new Agent(),
) {
  const [method = "", path = ""] = call.split(" ")
  const answer = await request(`${address}${path}`, {
    method: method as "GET",
    dispatcher,
    headers: { ...(authorization === undefined ? {} : { authorization }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.body.text()
  const json = text.startsWith("{") || text.startsWith("[") ? (JSON.parse(text) as Record<string, unknown>) : {}
  return { status: answer.statusCode, text, json, headers: answer.headers }
}

describe("the Fortanix emulator", () => {
  it("expires a session that was idle for its lifetime, and no other", async () => {
    const { emulator, groupId } = await start()
    const app = emulator.createApp({ groups: { [groupId]: everything } })
    const basic = `Basic ${emulator.apiKey(app)}`
    const { json } = await send(emulator.address, "POST /sys/v1/session/auth", basic)
    expect(json).toMatchObject({ token_type: "Bearer", expires_in: 600, entity_id: app.id })
    const bearer = `Bearer ${json.access_token}`
    for (let use = 0; use < 3; use += 1) {
      emulator.clockOffsetMs += 400_000
      expect((await send(emulator.address, "GET /sys/v1/groups", bearer)).status).toBe(200)
    }
    emulator.clockOffsetMs += 700_000
    expect(await send(emulator.address, "GET /sys/v1/groups", bearer)).toMatchObject({ status: 401 })
    expect((await send(emulator.address, "GET /sys/v1/groups", basic)).status).toBe(200)
  })

  it("logs an app in by its client certificate, and requires it with each request", async () => {
    const authority = await createTestAuthority()
    const [server, client] = await Promise.all([
      authority.issue({ commonName: "dsm", addresses: ["127.0.0.1"] }),
      authority.issue({ commonName: "app" }),
    ])
    const { emulator, groupId } = await start({ tls: { ...server, clientAuthority: authority.certificate } })
    const { fingerprint256 } = new X509Certificate(client.certificate)
    const app = emulator.createApp({
      groups: { [groupId]: everything },
      credential: { kind: "certificate", fingerprint256 },
    })
    const ca = authority.certificate
    const known = new Agent({ connect: { ca, cert: client.certificate, key: client.privateKey } })
    const unknown = new Agent({ connect: { ca } })
    const login = "POST /sys/v1/session/auth"
    const named = `Basic ${Buffer.from(`${app.id}:`).toString("base64")}`
    expect((await send(emulator.address, login, undefined, undefined, known)).status).toBe(200)
    const { json } = await send(emulator.address, login, named, undefined, known)
    const bearer = `Bearer ${json.access_token}`
    expect((await send(emulator.address, "GET /sys/v1/groups", bearer, undefined, known)).status).toBe(200)
    expect((await send(emulator.address, "GET /sys/v1/groups", bearer, undefined, unknown)).status).toBe(401)
    expect((await send(emulator.address, login, named, undefined, unknown)).status).toBe(401)
  })

  it.each<[string, Partial<Record<"iss" | "sub" | "exp", unknown>>, number]>([
    ["its own", {}, 200],
    ["of another issuer", { iss: "https://elsewhere.test" }, 401],
    ["for another app", { sub: randomUUID() }, 401],
    ["that has ended", { exp: 1 }, 401],
  ])("takes a signed token: %s", async (_what, change, status) => {
    const { emulator, groupId } = await start()
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
    const issuer = "https://issuer.test"
    const wish: AppWish = {
      groups: { [groupId]: everything },
      credential: { kind: "signedJwt", issuers: [issuer], keys: new Map([["key-1", publicKey]]) },
    }
    const app = emulator.createApp(wish)
    const claims = { iss: issuer, sub: app.id, exp: Math.floor(Date.now() / 1000) + 300, ...change }
    const parts = [{ alg: "ES256", kid: "key-1" }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString("base64url"),
    )
    const signature = sign("sha256", Buffer.from(parts.join(".")), { key: privateKey, dsaEncoding: "ieee-p1363" })
    const jwt = [...parts, signature.toString("base64url")].join(".")
    const basic = `Basic ${Buffer.from(`${app.id}:${jwt}`).toString("base64")}`
    expect((await send(emulator.address, "POST /sys/v1/session/auth", basic)).status).toBe(status)
  })

  it("runs an approved request as the app, and records it in the log", async () => {
    const { emulator } = await start()
    const quorum = emulator.createGroup("quorum", "for changes")
    const app = emulator.createApp({ groups: { [quorum.id]: everything } })
    const basic = `Basic ${emulator.apiKey(app)}`
    const wish = { name: "key", obj_type: "AES", key_size: 256, group_id: quorum.id }
    expect(await send(emulator.address, "POST /crypto/v1/keys", basic, wish)).toMatchObject({
      status: 403,
      text: "This operation requires approval",
    })
    const asked = await send(emulator.address, "POST /sys/v1/approval_requests", basic, {
      ...{ operation: "/crypto/v1/keys", method: "POST", body: wish },
    })
    emulator.approve(String(asked.json.request_id))
    const path = `/sys/v1/approval_requests/${asked.json.request_id}`
    expect((await send(emulator.address, `GET ${path}`, basic)).json).toMatchObject({ status: "APPROVED" })
    const { json } = await send(emulator.address, `POST ${path}/result`, basic)
    expect(json).toMatchObject({ status: 200, body: { name: "key", state: "Active" } })
    const logs = await send(emulator.address, `GET /sys/v1/logs?actor_id=${app.id}&size=1`, basic)
    expect(logs.json.items).toMatchObject([{ action_type: "ADMINISTRATIVE", actor_type: "APP", actor_id: app.id }])
  })

  it("states how long to wait when an app has used up its operations of the hour", async () => {
    const { emulator, groupId } = await start()
    const app = emulator.createApp({ groups: { [groupId]: everything } })
    emulator.maxOperationsPerHour = 2
    const ask = () => send(emulator.address, "GET /crypto/v1/keys", `Basic ${emulator.apiKey(app)}`)
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200])
    const third = await ask()
    expect(third.status).toBe(429)
    expect(Number(third.headers["retry-after"])).toBeGreaterThan(0)
    emulator.clockOffsetMs += 3_600_000
    expect((await ask()).status).toBe(200)
  })

  it("fails the requested operation, as often as requested", async () => {
    const { emulator, groupId } = await start()
    const app = emulator.createApp({ groups: { [groupId]: everything } })
    emulator.failNext({ on: "GET /crypto/v1/keys", status: 423, text: "Locked", times: 2 })
    const ask = () => send(emulator.address, "GET /crypto/v1/keys", `Basic ${emulator.apiKey(app)}`)
    expect([(await ask()).text, (await ask()).status, (await ask()).status]).toEqual(["Locked", 423, 200])
  })
})
