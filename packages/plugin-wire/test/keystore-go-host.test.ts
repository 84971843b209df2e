import { fileURLToPath } from "node:url"
import { goHostAvailable, startGoHost } from "@apeiro-cmk/test-backends"
import { describe, expect, it } from "vitest"

const toy = fileURLToPath(new URL("serve-toy.ts", import.meta.url))
const plugin = { name: "TOY", type: "KeystoreInstanceKeyOperation", path: process.execPath, args: [toy] }

describe.skipIf(!(await goHostAvailable()))("a keystore under the upstream Go host", () => {
  it("gives each version a time later than the one before: that host takes the latest for the newest", async () => {
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

  it("tells the host's log at error level why it does not serve what it was started for", async () => {
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
