import { inspect } from "node:util"
import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { findCanary, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { afterEach, describe, expect, it } from "vitest"
import { type Answer, closeScripted, json, scripted, secretId, token } from "./scripted-server.ts"

afterEach(closeScripted)

const key = { keyId: "k" }
const canaries = [secretId, token]

describe("openbao: key management answers that a healthy OpenBao does not send", () => {
  it.each<[string, Answer, PluginErrorCode, boolean]>([
    [
      "a failure of the server",
      (_r, response) => json(response, 500, { errors: [`disk full ${token}`] }),
      "UNREACHABLE",
      true,
    ],
    ["a failure without a reason", (_r, response) => response.writeHead(500).end("<html>"), "UNREACHABLE", true],
    ["a failure of a proxy", (_r, response) => response.writeHead(502).end(), "UNREACHABLE", true],
    ["an unknown refusal", (_r, response) => json(response, 400, { errors: [token] }), "BAD_RESPONSE", false],
  ])(
    "does not treat %s as a refusal of the request, and exposes no credential",
    async (_what, answer, code, retryable) => {
      const { keystore, services } = await scripted(answer)
      for (const attempt of [
        () => keystore.rotateKey(key, testCall()),
        () => keystore.deleteKey(key, testCall()),
        () => keystore.createKey({ ...key, origin: "generate" }, testCall()),
      ]) {
        const error = await attempt().catch((caught: unknown) => caught)
        expect(error).toMatchObject({ code, retryable })
        expect(findCanary(inspect(error, { depth: 9 }), canaries)).toBeUndefined()
      }
      expect(findCanary(services.logger.text(), canaries)).toBeUndefined()
    },
  )

  it.each([
    ["nothing", {}],
    ["a private key", { public_key: "-----BEGIN PRIVATE KEY-----\n" }],
    ["an endless key", { public_key: `-----BEGIN PUBLIC KEY-----${"A".repeat(5000)}` }],
  ])("returns no import parameters when the wrapping key is %s", async (_what, data) => {
    const { keystore } = await scripted((request, response) =>
      request.url?.endsWith("/wrapping_key") ? json(response, 200, { data }) : json(response, 404, { errors: [] }),
    )
    const asked = keystore.getImportParameters({ keyId: "new" }, testCall())
    await expect(asked).rejects.toMatchObject({ code: "BAD_RESPONSE" })
  })
})
