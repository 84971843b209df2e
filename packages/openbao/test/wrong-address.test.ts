import { execFile } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import { dirname } from "node:path"
import { promisify } from "node:util"
import { isPluginError } from "@apeiro-cmk/plugin-interface"
import { installOpenBao, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { mount, narrowPolicy, OpenBao, roundTrip, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: wrong entries of an administrator and the messages about them", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  it("https:// to a server that speaks plain HTTP: the next step names the scheme", async () => {
    const vault_address = bao.server.address.replace("http://", "https://")
    const { keystore } = await bao.open({ configuration: { vault_address } })
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: "UNREACHABLE",
      nextStep: expect.stringContaining("Check scheme and port of the address"),
    })
  })

  it("http:// to a server that speaks TLS: the next step names the scheme", async () => {
    const overTls = await OpenBao.start({ tls: true })
    try {
      const vault_address = overTls.server.address.replace("https://", "http://")
      const { keystore } = await overTls.open({ configuration: { vault_address } })
      await expect(roundTrip(keystore)).rejects.toMatchObject({
        code: "BAD_RESPONSE",
        nextStep: expect.stringContaining("scheme"),
      })
    } finally {
      await overTls.stop()
    }
  })

  it.each([
    [404, JSON.stringify({ type: "about:blank", title: "Not Found", status: 404, code: "NOT_FOUND", errors: {} })],
    [404, ""],
    [200, "{}"],
    [200, '"text"'],
    [403, JSON.stringify({ message: "forbidden" })],
  ])("another server's address, which answers %i %s: BAD_RESPONSE", async (status, body) => {
    const other = createServer((_request, response) => {
      response.writeHead(status, { "content-type": "application/json" }).end(body)
    })
    other.listen(0, "127.0.0.1")
    await once(other, "listening")
    const address = other.address()
    if (address === null || typeof address === "string") throw new Error("no port")
    const vault_address = `http://127.0.0.1:${address.port}`
    try {
      const byAppRole = await bao.open({ configuration: { vault_address } })
      const byToken = await bao.openWithToken("s.token", { configuration: { vault_address } })
      for (const { keystore } of [byAppRole, byToken]) {
        expect((await stepsOf(keystore)).get("authentication")).toMatchObject({
          outcome: "failed",
          code: "BAD_RESPONSE",
          message: expect.stringContaining("does not answer like an OpenBao server"),
        })
      }
    } finally {
      other.closeAllConnections()
      other.close()
    }
  })

  it("a key name that the policy does not have: the next step mentions it", async () => {
    const key = await bao.createKey()
    const { keystore } = await bao.open({ key: `${key}-misspelt`, policy: narrowPolicy(key) })
    const step = (await stepsOf(keystore)).get("key_access")
    expect(step).toMatchObject({ outcome: "failed", code: "DENIED" })
    expect(step?.nextStep).toContain("or correct mount_path and key_name if they are misspelt")
  })

  it.each([undefined, "locked-out"])(
    "wrong secret ids until the role is locked: the next step has the command that unlocks it (namespace %s)",
    async (namespace) => {
      const admin = namespace === undefined ? bao.admin : await bao.admin.inNamespace(namespace)
      if (namespace !== undefined) await admin.enableAuth("approle")
      const { roleId } = await admin.createAppRole({ name: "locked-role", policies: ["default"] })
      const place = namespace === undefined ? {} : { namespace }
      const configuration = { ...place, role_id: roleId, secret_id: "wrong", mount_path: mount }
      const { keystore } = await bao.open({ key: "k", configuration })
      const attempt = async () => (await stepsOf(keystore)).get("authentication")
      let step = await attempt()
      for (let again = 0; again < 8 && step?.message?.includes("denies the AppRole login") === false; again += 1) {
        step = await attempt()
      }
      expect(step).toMatchObject({
        code: "CREDENTIAL_REJECTED",
        message: expect.stringContaining("denies the AppRole login"),
      })
      const held = await roundTrip(keystore).catch((error: unknown) => error)
      expect(isPluginError(held) && held.nextStep).toBe(step?.nextStep)
      const [, command] = /`(bao write .*)`/.exec(step?.nextStep ?? "") ?? []
      await promisify(execFile)("bash", ["-c", command ?? "false"], {
        env: {
          PATH: `${dirname(await installOpenBao())}:${process.env.PATH ?? ""}`,
          BAO_ADDR: bao.server.address,
          BAO_TOKEN: bao.server.rootToken,
        },
      })
      expect((await attempt())?.message).toContain("does not accept the role id and secret id")
    },
  )
})
