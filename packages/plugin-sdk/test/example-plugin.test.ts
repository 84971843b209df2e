import { readFile } from "node:fs/promises"
import { buffer } from "node:stream/consumers"
import { afterEach, beforeEach, expect, it } from "vitest"
import { secretFields } from "../src/index.ts"
import { openInProcess, testCall, testServices } from "../src/testing.ts"
import { plugin } from "./example-plugin.ts"
import { httpServer, type TestServer } from "./server.ts"

const context = { tenantId: "acme", keyId: "l2", keyVersion: 1 }
const pluginConfiguration = { allowedEndpoints: ["http://127.0.0.1:*"], allowedAddresses: ["127.0.0.1/32"] }
let server: TestServer

beforeEach(async () => {
  server = await httpServer((request, response) => {
    void buffer(request).then((body) => {
      if (request.headers.authorization !== "Bearer token-canary-1") response.writeHead(401)
      response.end(body.map((byte) => byte ^ 0xff))
    })
  })
})

afterEach(async () => {
  await server[Symbol.asyncDispose]()
})

it("the example of the README encrypts and decrypts", async () => {
  const services = testServices()
  const started = await openInProcess(plugin, { pluginConfiguration, services })
  const document = { address: `http://127.0.0.1:${server.port}`, key_name: "k", token: "token-canary-1" }
  const keystore = await started.openKeystore(document, testCall())
  const key = keystore.defaultKey
  const { ciphertext, keyVersion } = await keystore.encrypt({ key, plaintext: Buffer.from("abc"), context }, testCall())
  const { plaintext } = await keystore.decrypt({ key, ciphertext, keyVersion, context }, testCall())
  expect(Buffer.from(plaintext).toString()).toBe("abc")
  await expect(keystore.rotateKey(key, testCall())).rejects.toMatchObject({ code: "UNSUPPORTED" })
  services.logger.assertNoCanary(["token-canary-1"])
  await started.stop()
  await server.empty()
})

it("the example tells a bad token from a bad address and a bad configuration", async () => {
  const started = await openInProcess(plugin, { pluginConfiguration })
  const document = { address: `http://127.0.0.1:${server.port}`, key_name: "k", token: "wrong" }
  const keystore = await started.openKeystore(document, testCall())
  const request = { key: keystore.defaultKey, plaintext: Buffer.from("abc"), context }
  await expect(keystore.encrypt(request, testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
  await expect(
    started.openKeystore({ ...document, address: "https://elsewhere.test" }, testCall()),
  ).rejects.toMatchObject({
    code: "INVALID_REQUEST",
  })
  await expect(started.openKeystore({ ...document, token: undefined, tokn: "x" }, testCall())).rejects.toMatchObject({
    code: "INVALID_REQUEST",
    issues: [{ path: ["token"] }, { path: ["tokn"] }],
  })
  await started.stop()
})

it("the example says which of its fields are secrets", () => {
  expect(secretFields(plugin)).toEqual(["token"])
})

it("the README shows exactly this example", async () => {
  const [readme, example] = await Promise.all(
    ["../README.md", "./example-plugin.ts"].map((name) => readFile(new URL(name, import.meta.url), "utf8")),
  )
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``)
})
