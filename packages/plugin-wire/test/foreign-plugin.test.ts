import { goHostAvailable, installGoPlugin } from "@apeiro-cmk/test-backends"
import { status } from "@grpc/grpc-js"
import { describe, expect, it, onTestFinished } from "vitest"
import { IdentityManagementService } from "../src/generated/plugin/identity_management/v1/identity_management_pb.js"
import { KeystoreInstanceKeyOperation } from "../src/generated/plugin/keystore/operations/v1/operations_pb.js"
import { connectPlugin, type WireLogLine } from "../src/index.ts"

const available = await goHostAvailable()
const bounds = () => ({ deadlineMs: Date.now() + 20_000, signal: new AbortController().signal })

async function connect(type: string, serviceName: string, yamlConfiguration = "") {
  const log: WireLogLine[] = []
  const options = { type, path: await installGoPlugin(), args: [type], serviceName, yamlConfiguration }
  const connection = await connectPlugin({ ...options, onLog: (line) => log.push(line) })
  onTestFinished(() => connection.kill())
  return { connection, log }
}

describe.skipIf(!available)("a plugin in Go, built on upstream's own code, under our host", () => {
  it("serves keys, with its configuration, its errors and their details", async () => {
    const service = KeystoreInstanceKeyOperation
    const { connection, log } = await connect("KeystoreInstanceKeyOperation", service.typeName, "some: yaml\n")
    const getKey = (keyId: string) => connection.call(service.method.getKey, { parameters: { keyId } }, bounds())
    expect(JSON.parse(connection.buildInfo)).toEqual({ version: "test" })
    expect(await getKey("k")).toMatchObject({ keyId: "k", status: "ENABLED" })
    expect(await getKey("yaml")).toMatchObject({ keyId: "some: yaml\n" })
    await expect(getKey("none")).rejects.toMatchObject({ code: status.NOT_FOUND })
    const validated = connection.call(service.method.validateKeyAccessData, { management: {}, crypto: {} }, bounds())
    await expect(validated).rejects.toMatchObject({
      message: "invalid key access data",
      info: { reason: "MISSING_FIELDS", metadata: { missingFields: "roleArn" } },
    })
    expect(log).toContainEqual(expect.objectContaining({ level: "info", message: "configured", fields: { bytes: 11 } }))
    await connection.close()
    expect(await connection.ended).toBe(0)
  })

  it("serves another type under its own cookie", async () => {
    const service = IdentityManagementService
    const { connection } = await connect("IdentityManagementService", service.typeName)
    const { user } = await connection.call(service.method.getUser, { userId: "u" }, bounds())
    expect(user).toMatchObject({ id: "u", email: "u@example.com" })
    await connection.close()
  })

  it("ends with a reason when it crashes in a call", async () => {
    const service = KeystoreInstanceKeyOperation
    const { connection } = await connect("KeystoreInstanceKeyOperation", service.typeName)
    const crash = connection.call(service.method.getKey, { parameters: { keyId: "crash" } }, bounds())
    await expect(crash).rejects.toMatchObject({ code: status.UNAVAILABLE })
    expect(await connection.ended).toBe(7)
  })
})
