import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { findCanary, openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { connectProxy } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"
import { Aws, region } from "./aws.ts"

let aws: Aws
beforeAll(async () => {
  aws = await Aws.start()
})
afterAll(() => aws.stop())

const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }
const keyArn = `arn:aws:kms:${region}:123456789012:key/12345678-1234-1234-1234-123456789012`

interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** A scripted server instead of KMS; STS is the emulator's. */
async function open(answer: (request: IncomingMessage, operation: string) => Answer) {
  const server = createServer((request, response) => {
    const operation = String(request.headers["x-amz-target"]).replace("TrentService.", "")
    const { status = 200, headers = {}, body } = answer(request, operation)
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1", ...headers }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void server.close())
  const kms = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const services = testServices()
  const pluginConfiguration = aws.pluginConfiguration()
  const started = await openInProcess(plugin, {
    services,
    pluginConfiguration: {
      ...pluginConfiguration,
      allowedEndpoints: [...pluginConfiguration.allowedEndpoints, kms],
      endpoints: { ...pluginConfiguration.endpoints, kms },
    },
  })
  onTestFinished(() => started.stop())
  const configuration = { kms_key_id: keyArn, role_arn: aws.createRole("external-id"), external_id: "external-id" }
  return { services, keystore: await started.openKeystore(configuration, testCall()) }
}

const json = (value: unknown): Answer => ({ body: JSON.stringify(value) })
const base64 = (length: number, byte: number) => Buffer.alloc(length, byte).toString("base64")

describe("a server instead of KMS", () => {
  it.each<[string, (operation: string) => Answer, string]>([
    [
      "that decrypts to something else",
      (operation) =>
        operation === "Encrypt" ? json({ CiphertextBlob: base64(64, 1) }) : json({ Plaintext: base64(32, 9) }),
      "KEY_MISMATCH",
    ],
    ["that sends an empty answer", () => json({}), "BAD_RESPONSE"],
    ["that does not send JSON", () => ({ body: "<html>welcome</html>" }), "BAD_RESPONSE"],
    ["that sends an error without a name", () => ({ status: 400, body: "{}" }), "BAD_RESPONSE"],
    [
      "that redirects",
      () => ({ status: 302, headers: { location: "http://169.254.169.254/" }, body: "" }),
      "BAD_RESPONSE",
    ],
    ["that floods", () => ({ body: "x".repeat(2_000_000) }), "BAD_RESPONSE"],
    ["that fails", () => ({ status: 503, body: "" }), "UNREACHABLE"],
    ["that asks to wait", () => ({ status: 429, headers: { "retry-after": "3" }, body: "" }), "THROTTLED"],
  ])("%s", async (_what, answer, code) => {
    const { keystore } = await open((_request, operation) => answer(operation))
    const encrypted = keystore.encrypt({ key: keystore.defaultKey, plaintext: new Uint8Array(32), context }, testCall())
    await expect(encrypted).rejects.toMatchObject({ code })
  })

  it("that echoes its input makes the plugin expose no session", async () => {
    const { keystore, services } = await open((request) => ({
      status: 400,
      body: JSON.stringify({ __type: "ValidationException", message: JSON.stringify(request.headers) }),
    }))
    const encrypted = keystore.encrypt({ key: keystore.defaultKey, plaintext: new Uint8Array(32), context }, testCall())
    const failure = await encrypted.then(
      () => undefined,
      (error: unknown) => error,
    )
    const shown = [String(failure), JSON.stringify(failure), String((failure as Error).cause), services.logger.text()]
    const secrets = aws.emulator.iam.secrets()
    expect(secrets).not.toEqual([])
    expect(shown.map((text) => findCanary(text, secrets))).toEqual(shown.map(() => undefined))
  })
})

it("uses the operator's proxy for STS and KMS", async () => {
  await using proxy = await connectProxy()
  const { port } = aws.emulator
  const address = `http://localhost:${port}`
  const started = await openInProcess(plugin, {
    services: testServices(),
    pluginConfiguration: {
      ...aws.pluginConfiguration(address),
      ...{ allowedEndpoints: [address], allowedAddresses: [], proxy: proxy.url },
    },
  })
  const kms_key_id = aws.emulator.createKey(region).arn
  const configuration = { kms_key_id, role_arn: aws.createRole("external-id"), external_id: "external-id" }
  const keystore = await started.openKeystore(configuration, testCall())
  await keystore.probe(testCall())
  expect(new Set(proxy.targets)).toEqual(new Set([`localhost:${port}`]))
  expect(proxy.untunnelled).toEqual([])
  await started.stop()
})
