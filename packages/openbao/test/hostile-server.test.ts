import { inspect } from "node:util"
import { findCanary, openInProcess, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { afterEach, describe, expect, it } from "vitest"
import { plugin } from "../src/index.ts"
import { context, plaintext, roundTrip, stepsOf } from "./open-bao.ts"
import { type Answer, closeScripted, json, login, scripted, secretId, token } from "./scripted-server.ts"

const canaries = [secretId, token, plaintext]

afterEach(closeScripted)

describe("openbao: answers that a healthy OpenBao does not send", () => {
  it.each<[string, Answer, object]>([
    [
      "THROTTLED with the time to wait",
      (_request, response) => response.writeHead(429, { "retry-after": "7" }).end('{"errors":["rate limit"]}'),
      { code: "THROTTLED", retryable: true, retryAfterMs: 7000, origin: "backend" },
    ],
    [
      "UNREACHABLE for a standby that redirects, without following it",
      (_request, response) => response.writeHead(307, { location: "http://169.254.169.254/" }).end(),
      { code: "UNREACHABLE", origin: "backend" },
    ],
    [
      "UNREACHABLE for 500",
      (_r, response) => json(response, 500, { errors: ["internal error"] }),
      { code: "UNREACHABLE" },
    ],
    ["UNREACHABLE for 502 in HTML", (_r, response) => response.writeHead(502).end("<html>"), { code: "UNREACHABLE" }],
    ["UNREACHABLE for a performance standby", (_r, response) => json(response, 473, {}), { code: "UNREACHABLE" }],
    [
      "UNREACHABLE for a 503 without OpenBao's fields",
      (_r, response) => response.writeHead(503).end("busy"),
      { code: "UNREACHABLE" },
    ],
    ["BAD_RESPONSE for a page", (_r, response) => response.writeHead(200).end("<html>"), { code: "BAD_RESPONSE" }],
    ["BAD_RESPONSE for a 404 page", (_r, response) => response.writeHead(404).end("<html>"), { code: "BAD_RESPONSE" }],
    [
      "BAD_RESPONSE for an unknown 400",
      (_r, response) => json(response, 400, { errors: ["?"] }),
      { code: "BAD_RESPONSE" },
    ],
    [
      "BAD_RESPONSE for a malformed ciphertext",
      (_r, response) => json(response, 200, { data: { ciphertext: "hello", key_version: 1 } }),
      { code: "BAD_RESPONSE" },
    ],
    [
      "BAD_RESPONSE for a key version that differs from the ciphertext's",
      (_r, response) => json(response, 200, { data: { ciphertext: "vault:v1:AAAA", key_version: 2 } }),
      { code: "BAD_RESPONSE" },
    ],
  ])("throws %s", async (_name, answer, expected) => {
    const { keystore } = await scripted(answer)
    await expect(roundTrip(keystore)).rejects.toMatchObject(expected)
  })

  it("exposes no secret in errors, logs, audit events or steps when the server echoes its input", async () => {
    for (const status of [200, 400, 403, 404, 405, 500]) {
      const { keystore, services } = await scripted((request, response, body) => {
        const echo = `${request.headers["x-vault-token"]} ${body} ${plaintext}`
        json(response, status, { errors: [echo], data: { ciphertext: echo, plaintext: echo }, request_id: token })
      })
      const request = { key: keystore.defaultKey, plaintext, context }
      const error: unknown = await keystore.encrypt(request, testCall()).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: expect.any(String) })
      const ciphertext = Buffer.from(`vault:v1:${Buffer.alloc(60).toString("base64")}`)
      const decrypt = { key: keystore.defaultKey, ciphertext, keyVersion: "1", context }
      const other: unknown = await keystore.decrypt(decrypt, testCall()).catch((thrown: unknown) => thrown)
      const steps = [...(await stepsOf(keystore)).values()]
      for (const seen of [inspect(error, { depth: 9 }), inspect(other, { depth: 9 }), JSON.stringify(steps)]) {
        expect(findCanary(seen, canaries)).toBeUndefined()
      }
      expect(findCanary(JSON.stringify(services.auditEvents), canaries)).toBeUndefined()
      services.logger.assertNoCanary(canaries)
    }
  })

  it("sends secrets in headers and bodies only, never in a URL", async () => {
    const urls: string[] = []
    const { keystore } = await scripted((request, response) => {
      urls.push(request.url ?? "")
      json(response, 400, { errors: ["?"] })
    })
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "BAD_RESPONSE" })
    expect(urls).toEqual(["/v1/transit/encrypt/k"])
  })

  it("detects a server that ignores the context", async () => {
    let stored = ""
    const { keystore } = await scripted((request, response, body) => {
      if (request.url?.includes("/capabilities-self")) return json(response, 200, { data: {} })
      if (request.url?.includes("/renew-self")) return json(response, 200, login)
      if (request.url?.includes("/health")) {
        return json(response, 200, {
          initialized: true,
          sealed: false,
          standby: false,
          version: "1.0",
          cluster_id: "c",
        })
      }
      const sent: unknown = JSON.parse(body)
      if (request.url?.includes("/encrypt/") && typeof sent === "object" && sent !== null && "plaintext" in sent) {
        stored = String(sent.plaintext)
        return json(response, 200, { data: { ciphertext: "vault:v1:AAAA", key_version: 1 } })
      }
      return json(response, 200, { data: { plaintext: stored } })
    })
    const steps = await stepsOf(keystore)
    expect(steps.get("round_trip")).toMatchObject({ outcome: "failed", code: "KEY_UNSUITABLE" })
  })

  it("refuses an address that the operator does not allow, before it uses the network", async () => {
    const started = await openInProcess(plugin)
    const configuration = { auth_method: "token", token, key_name: "k", vault_address: "http://127.0.0.1:1" }
    await expect(started.openKeystore(configuration, testCall())).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      issues: [{ path: ["vault_address"] }],
    })
    const metadata = { ...configuration, vault_address: "https://169.254.169.254" }
    const keystore = await started.openKeystore(metadata, testCall())
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: expect.stringMatching(/UNREACHABLE|INVALID_REQUEST/),
    })
    await started.stop()
  })
})
