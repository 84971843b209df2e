import { createConnection } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { localKeystore, tenantWithKeys } from "./fixtures.ts"
import { administratorToken, startTestHost, type TestHost } from "./test-host.ts"
import { objects, text } from "./values.ts"

describe("bad requests", () => {
  let host: TestHost
  let dataKeys: string
  beforeAll(async () => {
    host = await startTestHost()
    dataKeys = await tenantWithKeys(host, "acme")
    await tenantWithKeys(host, "other", "second")
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const json = { "content-type": "application/json" }
  const create = (body: unknown) => host.administrator.send("POST", "/v1/tenants", { body })

  it("answers every error as a problem with code, origin, next step and request id", async () => {
    const answer = await host.administrator.send("GET", "/v1/tenants/nobody")
    expect(answer.status).toBe(404)
    expect(answer.headers.get("content-type")).toContain("application/problem+json")
    expect(answer.body).toEqual({
      type: "urn:apeiro-cmk:problem:TENANT_NOT_FOUND",
      title: expect.any(String),
      status: 404,
      code: "TENANT_NOT_FOUND",
      origin: "caller",
      retryable: false,
      next_step: expect.any(String),
      request_id: answer.headers.get("x-request-id"),
    })
  })

  it("names every fault of a body at once, and unknown keys by their names", async () => {
    const answer = await create({ tenant_id: "No Good", custody_mode: "mine", lease_ms: 5, nonsense: 1, more: {} })
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ code: "INVALID_REQUEST", origin: "caller" })
    const paths = objects(answer.body.issues).map((issue) => issue.path)
    expect(paths).toEqual(
      expect.arrayContaining([["tenant_id"], ["custody_mode"], ["lease_ms"], ["nonsense"], ["more"]]),
    )
    const mode = objects(answer.body.issues).find((issue) => String(issue.path) === "custody_mode")
    expect(mode?.allowed).toEqual(["byok", "hyok"])
  })

  it.each([
    ["__proto__", '{"tenant_id":"proto","__proto__":{"x":1}}'],
    ["constructor", '{"tenant_id":"proto","constructor":1}'],
  ])("refuses the unknown key %s like any other", async (key, rawBody) => {
    const answer = await host.administrator.send("POST", "/v1/tenants", { rawBody, headers: json })
    expect(answer.status).toBe(400)
    expect(objects(answer.body.issues).map((issue) => issue.path)).toContainEqual([key])
  })

  it("refuses __proto__ inside a keystore's configuration, too, where it would vanish", async () => {
    const rawBody = '{"plugin_type":"local_keystore","plugin_name":"p","configuration":{"__proto__":{"key_name":"x"}}}'
    const answer = await host.administrator.send("POST", "/v1/tenants/acme/keystores", { rawBody, headers: json })
    expect(answer.status).toBe(400)
    expect(objects(answer.body.issues).map((issue) => issue.path)).toEqual([["__proto__"]])
  })

  it.each([
    ["at the top", '{"tenant_id":"twice","tenant_id":"thrice"}', ["tenant_id"]],
    ["in another spelling", '{"tenant_id":"twice","tenant\\u005fid":"thrice"}', ["tenant_id"]],
    ["deep inside", '{"tenant_id":"twice","x":[{"a":1},{"a":{"b":[1,","],"c":1,"c":"\\"}"}}]}', ["x", 1, "a", "c"]],
  ])("refuses a key that occurs twice %s", async (_, rawBody, path) => {
    const answer = await host.administrator.send("POST", "/v1/tenants", { rawBody, headers: json })
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } })
    expect(objects(answer.body.issues).map((issue) => issue.path)).toEqual([path])
  })

  it("accepts the same key in several objects, and as a value", async () => {
    const rawBody = '{"tenant_id":"same","a":{"x":"x"},"b":{"x":["x","x",{"x":"\\\\"}]},"x":"a"}'
    const answer = await host.administrator.send("POST", "/v1/tenants", { rawBody, headers: json })
    expect(objects(answer.body.issues).map((issue) => issue.path)).toEqual([["a"], ["b"], ["x"]])
  })

  it.each(["", "a\u0000b", "\ud800", "a\u202eb", "x".repeat(201)])("refuses the display name %j", async (name) => {
    const answer = await create({ tenant_id: "named", display_name: name })
    expect(answer.status).toBe(400)
    expect(objects(answer.body.issues).map((issue) => issue.path)).toEqual([["display_name"]])
  })

  it("refuses unknown query parameters, and values out of bounds", async () => {
    const answer = await host.administrator.send("GET", "/v1/tenants/acme/audit/entries?limit=5000&colour=red")
    expect(answer.status).toBe(400)
    const paths = objects(answer.body.issues).map((issue) => issue.path)
    expect(paths).toEqual(expect.arrayContaining([["limit"], ["colour"]]))
  })

  it.each([
    ["malformed JSON", "{"],
    ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
    ["a deep nest", `${"[".repeat(5000)}${"]".repeat(5000)}`],
  ])("answers 400 to %s, without repeating it", async (_name, rawBody) => {
    const answer = await host.administrator.send("POST", "/v1/tenants", { rawBody, headers: json })
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ code: "INVALID_REQUEST" })
    expect(answer.text).not.toContain("[[[")
  })

  it.each([
    ["list", "[]"],
    ["text", '"x"'],
    ["number", "1"],
    ["null", "null"],
  ])("answers 400 to a JSON %s", async (_name, rawBody) => {
    const answer = await host.administrator.send("POST", "/v1/tenants", { rawBody, headers: json })
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } })
  })

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "application/jsonp",
    "",
  ])("answers 415 to the content type %j", async (contentType) => {
    const rawBody = new TextEncoder().encode('{"tenant_id":"typed"}')
    const answer = await host.administrator.send("POST", "/v1/tenants", {
      rawBody,
      headers: { "content-type": contentType },
    })
    expect(answer).toMatchObject({ status: 415, body: { code: "CONTENT_TYPE_UNSUPPORTED" } })
  })

  it("answers 415 to a compressed body", async () => {
    const headers = { ...json, "content-encoding": "gzip" }
    const answer = await host.administrator.send("POST", "/v1/tenants", { rawBody: "{}", headers })
    expect(answer.status).toBe(415)
  })

  it("answers 413 to a body over 256 KiB", async () => {
    const answer = await create({ tenant_id: "large", display_name: "x".repeat(300 * 1024) })
    expect(answer).toMatchObject({ status: 413, body: { code: "BODY_TOO_LARGE" } })
  })

  it("answers 413 to a body without length that grows over 256 KiB", async () => {
    const status = await statusOfChunkedBody(host.url, await administratorToken(host.folder), 300)
    expect(status).toBe(413)
  })

  it("answers 405 with the allowed methods, and 404 for an unknown path", async () => {
    const wrong = await host.administrator.send("PATCH", "/v1/tenants/acme")
    expect(wrong).toMatchObject({ status: 405, body: { code: "METHOD_NOT_ALLOWED" } })
    expect(wrong.headers.get("allow")).toBe("GET, HEAD")
    const keystore = await host.administrator.send("POST", "/v1/tenants/acme/keystores/test/health")
    expect(keystore.status).toBe(405)
    for (const path of ["/v1/nothing", "/v1/Tenants", "/v1/tenants/", "/v1/tenants//keystores"]) {
      const nothing = await host.administrator.send("GET", path)
      expect(nothing).toMatchObject({ status: 404, body: { code: "ROUTE_NOT_FOUND" } })
    }
  })

  it("answers 400 to an impossible id or a broken escape in the path", async () => {
    expect(await host.administrator.send("GET", "/v1/tenants/ACME")).toMatchObject({ status: 400 })
    expect(await host.administrator.send("GET", "/v1/tenants/%ff")).toMatchObject({ status: 400 })
    expect(await host.administrator.send("GET", "/v1/tenants/acme%2F..%2Fother")).toMatchObject({ status: 400 })
  })

  it("keeps a sane X-Request-Id, and replaces any other", async () => {
    const kept = await host.administrator.send("GET", "/v1/plugins", { headers: { "x-request-id": "order-17" } })
    expect(kept.headers.get("x-request-id")).toBe("order-17")
    const replaced = await host.administrator.send("GET", "/v1/plugins", { headers: { "x-request-id": "a b<script>" } })
    expect(replaced.headers.get("x-request-id")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  })

  it("refuses another tenant's envelope in the same words as an altered one", async () => {
    const generated = await host.administrator.expect(200, "POST", dataKeys, {})
    const envelope = text(generated.envelope)
    const foreign = await host.administrator.send("POST", "/v1/tenants/other/service-keys/payments/data-keys/unwrap", {
      body: { envelope },
    })
    const bytes = Buffer.from(envelope, "base64")
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    const altered = await host.administrator.send("POST", `${dataKeys}/unwrap`, {
      body: { envelope: bytes.toString("base64") },
    })
    const cut = await host.administrator.send("POST", `${dataKeys}/unwrap`, {
      body: { envelope: bytes.subarray(0, 40).toString("base64") },
    })
    for (const answer of [foreign, altered, cut]) {
      expect(answer).toMatchObject({ status: 400, body: { code: "CIPHERTEXT_REJECTED", origin: "caller" } })
      expect(answer.body.title).toBe(foreign.body.title)
    }
  })

  it.each(["", "!!!!", "YQ", "YR==", "YQ==\n"])(
    "answers 400 to the envelope %j, which is not base64",
    async (envelope) => {
      const answer = await host.administrator.send("POST", `${dataKeys}/unwrap`, { body: { envelope } })
      expect(answer.status).toBe(400)
    },
  )

  it("says which service key or keystore is missing", async () => {
    const missing = await host.administrator.send("POST", "/v1/tenants/acme/service-keys/absent/data-keys", {
      body: {},
    })
    expect(missing).toMatchObject({ status: 404, body: { code: "SERVICE_KEY_NOT_FOUND" } })
    const keystore = await host.administrator.send("GET", "/v1/tenants/acme/keystores/absent")
    expect(keystore).toMatchObject({ status: 404, body: { code: "KEYSTORE_NOT_FOUND" } })
    const type = await host.administrator.send("POST", "/v1/tenants/acme/keystores", {
      body: { ...localKeystore("k2"), plugin_type: "punch_cards" },
    })
    expect(type).toMatchObject({ status: 400, body: { code: "PLUGIN_TYPE_UNKNOWN" } })
  })

  it("says that a tenant without an active keystore has no tenant key", async () => {
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "early" })
    const answer = await host.administrator.send("POST", "/v1/tenants/early/service-keys", {
      body: { name: "payments" },
    })
    expect(answer).toMatchObject({ status: 409, body: { code: "TENANT_KEY_MISSING" } })
  })

  it("answers 409 to a name that is taken", async () => {
    expect(await create({ tenant_id: "acme" })).toMatchObject({ status: 409, body: { code: "TENANT_EXISTS" } })
    const keystore = await host.administrator.send("POST", "/v1/tenants/acme/keystores", { body: localKeystore() })
    expect(keystore).toMatchObject({ status: 409, body: { code: "KEYSTORE_EXISTS" } })
    const serviceKey = await host.administrator.send("POST", "/v1/tenants/acme/service-keys", {
      body: { name: "payments" },
    })
    expect(serviceKey).toMatchObject({ status: 409, body: { code: "SERVICE_KEY_EXISTS" } })
  })

  it("answers a refused caller even while it is still sending", async () => {
    for (let time = 0; time < 20; time++) {
      const answer = await host.client().send("POST", "/v1/tenants", { rawBody: "{".repeat(200_000), headers: json })
      expect(answer.status).toBe(401)
      expect(answer.headers.get("www-authenticate")).toBe("Bearer")
    }
  })

  it("does not ask for the body of a refused request", async () => {
    const good = await administratorToken(host.folder)
    expect(await firstStatus(host.url, good, 100)).toBe(100)
    expect(await firstStatus(host.url, "wrong", 100)).toBe(401)
    expect(await firstStatus(host.url, good, 300 * 1024)).toBe(413)
  })
})

/** Sends the head of a request that waits for `100 Continue`. @returns the first status of the answer */
function firstStatus(url: string, bearer: string, contentLength: number): Promise<number> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port) })
    socket.once("error", reject)
    socket.once("data", (data) => {
      resolve(Number(data.toString("latin1").split(" ")[1]))
      socket.destroy()
    })
    socket.write(
      `POST /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bearer}\r\nContent-Type: application/json\r\nContent-Length: ${contentLength}\r\nExpect: 100-continue\r\n\r\n`,
    )
  })
}

/** Sends chunks of 1 KiB until the answer comes. */
function statusOfChunkedBody(url: string, bearer: string, chunks: number): Promise<number> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port) })
    socket.once("error", reject)
    socket.once("data", (data) => {
      resolve(Number(data.toString("latin1").split(" ")[1]))
      socket.destroy()
    })
    socket.write(
      `POST /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bearer}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    for (let sent = 0; sent < chunks; sent++) socket.write(`400\r\n${"x".repeat(1024)}\r\n`)
    socket.write("0\r\n\r\n")
  })
}
