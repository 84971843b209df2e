import { createDecipheriv } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { findCanary, openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { connectProxy } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"
import { Dsm } from "./dsm.ts"

let dsm: Dsm
beforeAll(async () => {
  dsm = await Dsm.start()
})
afterAll(() => dsm.stop())

const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }
const plaintext = new Uint8Array(32).fill(5)

interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

type OwnAnswer = (request: IncomingMessage, call: string, body: Buffer) => Answer | undefined

async function answerOrPassOn(request: IncomingMessage, response: ServerResponse, answer: OwnAnswer): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const own = answer(request, `${request.method} ${request.url}`, body)
  if (own !== undefined) {
    response.writeHead(own.status ?? 200, { "content-type": "application/json", ...own.headers }).end(own.body)
    return
  }
  const { authorization } = request.headers
  const passed = await fetch(`${dsm.emulator.address}${request.url}`, {
    method: request.method ?? "GET",
    headers: authorization === undefined ? {} : { authorization },
    ...(body.length === 0 ? {} : { body }),
  })
  response.writeHead(passed.status).end(Buffer.from(await passed.arrayBuffer()))
}

/** A server between the plugin and the emulator that answers some requests itself. */
async function open(answer: OwnAnswer) {
  const server = createServer((request, response) => void answerOrPassOn(request, response, answer))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void server.close())
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const services = testServices()
  const started = await dsm.plugin(services, address)
  onTestFinished(() => started.stop())
  const place = dsm.place(address)
  const keystore = await started.openKeystore(place.configuration, testCall())
  const encrypt = () => keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, testCall())
  return { services, keystore, place, encrypt }
}

const json = (value: unknown): Answer => ({ body: JSON.stringify(value) })
const on = (part: string, answer: Answer) => (_request: IncomingMessage, call: string) =>
  call.includes(part) ? answer : undefined
const base64 = (length: number, byte = 1) => Buffer.alloc(length, byte).toString("base64")
const someKid = "00000000-0000-0000-0000-000000000000"

describe("a server that is not DSM", () => {
  it.each<[string, Parameters<typeof open>[0], string]>([
    ["that serves a web page", () => ({ body: "<html>welcome</html>" }), "BAD_RESPONSE"],
    ["whose login returns no token", on("/session/auth", json({ expires_in: 600 })), "BAD_RESPONSE"],
    [
      "whose token cannot be a header",
      on("/session/auth", json({ access_token: "a b\n", expires_in: 600 })),
      "BAD_RESPONSE",
    ],
    ["that has no group list", on("/sys/v1/groups", { status: 404, body: "nothing here" }), "BAD_RESPONSE"],
    [
      "that answers 404 to every request for keys",
      on("GET /crypto/v1/keys", { status: 404, body: "" }),
      "BAD_RESPONSE",
    ],
    ["that lists malformed keys", on("GET /crypto/v1/keys", json([{ kid: "x" }])), "BAD_RESPONSE"],
    ["that returns no ciphertext", on("/encrypt", json({})), "BAD_RESPONSE"],
    [
      "that encrypts with another key",
      on("/encrypt", json({ kid: someKid, cipher: base64(32), iv: base64(12), tag: base64(16) })),
      "BAD_RESPONSE",
    ],
    [
      "that redirects",
      on("/encrypt", { status: 302, headers: { location: "http://169.254.169.254/" }, body: "" }),
      "UNREACHABLE",
    ],
    ["that sends too much", on("/encrypt", { body: "x".repeat(2_000_000) }), "BAD_RESPONSE"],
    ["that fails", on("/encrypt", { status: 502, body: "bad gateway" }), "UNREACHABLE"],
    ["that asks to wait", on("/encrypt", { status: 429, headers: { "retry-after": "3" }, body: "" }), "THROTTLED"],
  ])("%s", async (_what, answer, code) => {
    const { encrypt } = await open(answer)
    await expect(encrypt()).rejects.toMatchObject({ code })
  })

  it("that decrypts to other bytes is reported as KEY_MISMATCH", async () => {
    const { keystore } = await open((_request, call) =>
      call.includes("/decrypt") ? json({ kid: someKid, plain: base64(32, 9) }) : undefined,
    )
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "KEY_MISMATCH" })
  })

  it("that ignores the context fails the connection test", async () => {
    const { keystore } = await open((_request, call, body) => {
      if (!call.includes("/decrypt")) return undefined
      const { iv, cipher } = JSON.parse(body.toString("utf8"))
      const [key] = [...dsm.emulator.account.keys.values()].filter(({ kid }) => call.includes(kid))
      const opening = createDecipheriv("aes-256-gcm", key?.material ?? "", Buffer.from(iv, "base64"))
      // Ignores the tag, and so the associated data.
      return json({ kid: key?.kid, plain: opening.update(Buffer.from(cipher, "base64")).toString("base64") })
    })
    const steps: { name: string; code?: string | undefined }[] = []
    for await (const step of keystore.testConnection(testCall({ timeoutMs: 30_000 }))) steps.push(step)
    expect(steps.find(({ name }) => name === "round_trip")).toMatchObject({ outcome: "failed", code: "KEY_UNSUITABLE" })
  })

  it("that echoes its request leaks neither API key nor session nor key", async () => {
    const { encrypt, services, place } = await open((request, call) =>
      call.includes("/encrypt")
        ? { status: 403, body: `no: ${request.headers.authorization} ${base64(32, 5)}` }
        : undefined,
    )
    const failure = await encrypt().then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ code: "DENIED" })
    const shown = [String(failure), JSON.stringify(failure), String((failure as Error).cause), services.logger.text()]
    const secrets = [place.apiKey, ...dsm.emulator.sessions.tokens, base64(32, 5)]
    expect(shown.map((text) => findCanary(text, secrets))).toEqual(shown.map(() => undefined))
  })
})

it("connects through the operator's proxy", async () => {
  await using proxy = await connectProxy()
  const address = `http://localhost:${dsm.emulator.port}`
  const started = await openInProcess(plugin, {
    services: testServices(),
    pluginConfiguration: { allowedEndpoints: [address], proxy: proxy.url },
  })
  const keystore = await started.openKeystore(dsm.place(address).configuration, testCall())
  await keystore.probe(testCall())
  expect(new Set(proxy.targets)).toEqual(new Set([`localhost:${dsm.emulator.port}`]))
  await started.stop()
})
