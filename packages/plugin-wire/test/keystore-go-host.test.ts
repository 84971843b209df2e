import { fileURLToPath } from "node:url"
import { goHostAvailable, startGoHost } from "@apeiro-cmk/test-backends"
import { describe, expect, it } from "vitest"

const toy = fileURLToPath(new URL("serve-toy.ts", import.meta.url))
const auditToy = fileURLToPath(new URL("serve-audit.ts", import.meta.url))
const plugin = { name: "TOY", type: "KeystoreInstanceKeyOperation", path: process.execPath, args: [toy] }

describe.skipIf(!(await goHostAvailable()))("a keystore under the upstream Go host", () => {
  it("gives each version a later time than the one before: that host takes the latest for the newest", async () => {
    const host = await startGoHost([plugin])
    const { response } = await host.call("GetKeyVersions", { parameters: { keyId: "k" } })
    await host.close()
    expect(response).toEqual({
      versions: [
        { versionId: "1", creationTime: "2023-11-14T22:13:20Z", status: "ENABLED" },
        { versionId: "2", creationTime: "2023-11-14T22:13:20.001Z", status: "ENABLED" },
        { versionId: "3", creationTime: "2023-11-14T22:13:20.002Z", status: "ENABLED" },
      ],
    })
  })

  it("gives each call a request id, and writes its audit events to the log of that host", async () => {
    const host = await startGoHost([{ ...plugin, args: [auditToy] }])
    const { response } = await host.call("GetKey", { parameters: { keyId: "request" } })
    expect(response).toMatchObject({ keyId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/) })
    expect(await host.call("GetKey", { parameters: { keyId: "login" } })).toMatchObject({ ok: true })
    await host.close()
    const [line] = host.log().filter((each) => each.includes("keystoreLogin"))
    expect(JSON.parse(line ?? "null")).toMatchObject({ level: "INFO", msg: "audit" })
    for (const fact of ["tenantId", "upstream", "requestId", "outcome", "success"]) expect(line).toContain(fact)
  })

  it("logs at error level why it does not serve the type that it was started for", async () => {
    const host = await startGoHost([{ ...plugin, type: "IdentityManagement" }])
    expect(host.loaded.event).toBe("load_failed")
    const [line] = host.log().filter((each) => each.includes("KeystoreProvider"))
    expect(JSON.parse(line ?? "null")).toMatchObject({
      level: "ERROR",
      msg: "toy serves the types KeystoreInstanceKeyOperation, KeystoreProvider; its host asks for another one. Correct `type` or `path` in the host's configuration.",
    })
    await host.kill()
  })
})
