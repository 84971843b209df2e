import { access } from "node:fs/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OpenBaoAdmin, type OpenBaoServer, openBaoAvailable, startOpenBao } from "../src/index.ts"

const available = await openBaoAvailable()
const plaintext = new Uint8Array(32).fill(7)
const associatedData = Buffer.from("context")

describe.skipIf(!available)("a real OpenBao", () => {
  let server: OpenBaoServer
  beforeAll(async () => {
    server = await startOpenBao()
    await server.admin.enableTransit("transit")
  })
  afterAll(async () => server?.stop())

  it("reports its version and cluster without a token", async () => {
    await expect(server.admin.health()).resolves.toMatchObject({ sealed: false, version: "2.7.2" })
  })

  it("tells a missing key from a present one by the second route", async () => {
    await server.admin.createTransitKey({ mount: "transit", name: "present" })
    await expect(server.admin.readTransitKey("transit", "present")).resolves.toMatchObject({ latest_version: 1 })
    await expect(server.admin.readTransitKey("transit", "missing")).resolves.toBeUndefined()
  })

  it("binds a ciphertext to its associated data", async () => {
    await server.admin.createTransitKey({ mount: "transit", name: "bound" })
    const ciphertext = await server.admin.encrypt("transit", "bound", plaintext, associatedData)
    await expect(server.admin.decrypt("transit", "bound", ciphertext, associatedData)).resolves.toEqual(
      Buffer.from(plaintext),
    )
    await expect(server.admin.decrypt("transit", "bound", ciphertext, Buffer.from("other"))).rejects.toThrow("400")
  })

  it("logs an AppRole in with only the rights of its policy", async () => {
    await server.admin.enableAuth("approle")
    await server.admin.writePolicy("reader", `path "transit/keys/present" { capabilities = ["read"] }`)
    const { roleId, secretId } = await server.admin.createAppRole({ name: "reader", policies: ["reader"] })
    const login = await server.send({
      method: "POST",
      path: "auth/approle/login",
      body: { role_id: roleId, secret_id: secretId },
    })
    expect(login).toMatchObject({ status: 200, body: { auth: { token_policies: ["default", "reader"] } } })
  })

  it("refuses a revoked token", async () => {
    const { token } = await server.admin.createToken({ policies: ["default"] })
    await server.admin.revokeToken(token)
    await expect(server.send({ method: "GET", path: "auth/token/lookup-self", token })).resolves.toMatchObject({
      status: 403,
    })
  })

  it("keeps the keys of a namespace separate", async () => {
    const inside = await server.admin.inNamespace("team")
    await inside.enableTransit("transit")
    await inside.createTransitKey({ mount: "transit", name: "inside" })
    await expect(server.admin.readTransitKey("transit", "inside")).resolves.toBeUndefined()
  })

  it("writes its own audit file", async () => {
    const paths = (await server.auditEntries()).map((entry) => entry.request.path)
    expect(paths).toContain("transit/encrypt/bound")
  })

  it("answers 503 while it is sealed and works again afterwards", async () => {
    await server.seal()
    await expect(server.admin.send({ method: "GET", path: "transit/keys/present" })).resolves.toMatchObject({
      status: 503,
    })
    await server.unseal()
    await expect(server.admin.readTransitKey("transit", "present")).resolves.toBeDefined()
  })

  it("keeps its port and its data across a restart and a kill", async () => {
    await server.restart()
    await server.kill()
    await server.start()
    await expect(server.admin.readTransitKey("transit", "present")).resolves.toBeDefined()
  })
})

describe.skipIf(!available)("a real OpenBao with TLS", () => {
  it("is trusted only through its own authority, and leaves nothing behind", async () => {
    const server = await startOpenBao({ tls: true })
    try {
      await expect(server.admin.health()).resolves.toMatchObject({ sealed: false })
      const untrusting = new OpenBaoAdmin({ address: server.address }, server.rootToken)
      await expect(untrusting.health()).rejects.toMatchObject({ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" })
    } finally {
      await server.stop()
    }
    await expect(access(server.folder)).rejects.toMatchObject({ code: "ENOENT" })
  })
})
