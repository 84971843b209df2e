import { fileURLToPath } from "node:url"
import { type ChannelCredentials, Client, credentials, status } from "@grpc/grpc-js"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Health } from "../src/generated/grpc/health/v1/health_pb.js"
import {
  certificatePem,
  createOneTimeCertificate,
  KeystoreInstanceKeyOperation,
  type SpawnedPlugin,
  spawnPlugin,
  unaryCall,
} from "../src/index.ts"

const toy = fileURLToPath(new URL("serve-toy.ts", import.meta.url))

describe("the socket of a plugin", () => {
  const host = createOneTimeCertificate()
  const stranger = createOneTimeCertificate()
  let plugin: SpawnedPlugin

  beforeAll(async () => {
    const options = { type: "KeystoreInstanceKeyOperation", path: process.execPath, args: [toy] }
    plugin = await spawnPlugin(options, host.certificate)
  })
  afterAll(() => plugin.kill())

  async function connected<T>(as: ChannelCredentials, work: (client: Client) => Promise<T>): Promise<T> {
    const options = { "grpc.ssl_target_name_override": "localhost", "grpc.default_authority": "localhost" }
    const client = new Client(`unix:${plugin.handshake.address}`, as, options)
    try {
      return await work(client)
    } finally {
      client.close()
    }
  }

  const bounds = () => ({ deadlineMs: Date.now() + 5_000, signal: new AbortController().signal })
  const check = (as: ChannelCredentials) =>
    connected(as, (client) => unaryCall(client, Health.method.check, { service: "plugin" }, bounds()))

  const trusted = () => Buffer.from(certificatePem(plugin.handshake.certificate ?? new Uint8Array()))
  const pair = ({ privateKey, certificate }: typeof host) =>
    [Buffer.from(privateKey), Buffer.from(certificate)] as const

  it("answers the host that started it", async () => {
    expect(await check(credentials.createSsl(trusted(), ...pair(host)))).toMatchObject({ status: 1 })
  })

  it("serves no key before it is configured", async () => {
    const { getKey } = KeystoreInstanceKeyOperation.method
    const asked = connected(credentials.createSsl(trusted(), ...pair(host)), (client) =>
      unaryCall(client, getKey, { parameters: { keyId: "k" } }, bounds()),
    )
    await expect(asked).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: "toy has not been configured.",
    })
  })

  it.each<[string, () => ChannelCredentials]>([
    ["does not use TLS", () => credentials.createInsecure()],
    ["sends no certificate", () => credentials.createSsl(trusted())],
    ["sends another certificate", () => credentials.createSsl(trusted(), ...pair(stranger))],
    ["trusts another certificate", () => credentials.createSsl(Buffer.from(stranger.certificate), ...pair(host))],
  ])("refuses a client that %s", async (_name, as) => {
    await expect(check(as())).rejects.toMatchObject({ code: status.UNAVAILABLE })
  })
})
