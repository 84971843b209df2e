import { describe, expect, it } from "vitest"
import { plugin } from "../src/index.ts"

const { configuration, manifest } = plugin
const issuesOf = (result: ReturnType<typeof configuration.plugin.parse>) => (result.ok ? [] : result.issues)

describe("the plugin configuration of local-keystore", () => {
  it("needs a key file, and creates the key `default` by default", () => {
    expect(configuration.plugin.parse({ keyFile: "data/local-keystore.key" })).toEqual({
      ok: true,
      value: { keyFile: "data/local-keystore.key", keyNames: ["default"] },
    })
    expect(issuesOf(configuration.plugin.parse({}))).toMatchObject([{ path: ["keyFile"] }])
  })

  it("reports every fault at once, each by its path", () => {
    const faulty = { keyFile: "a\0b", keyNames: ["fine", "../escape"], keyfile: "x" }
    const paths = issuesOf(configuration.plugin.parse(faulty)).map(({ path }) => path.join("."))
    expect(paths.toSorted()).toEqual(["keyFile", "keyNames.1", "keyfile"])
  })
})

describe("the keystore configuration of local-keystore", () => {
  it("uses the key `default` by default", () => {
    expect(configuration.keystore.parse({})).toEqual({ ok: true, value: { key_name: "default" } })
  })

  it.each(["", " ", "-x", "a/b", "ä", "a".repeat(101), "__proto__"])("refuses the key name %j", (key_name) => {
    expect(configuration.keystore.parse({ key_name })).toMatchObject({ ok: false, issues: [{ path: ["key_name"] }] })
  })
})

describe("the manifest of local-keystore", () => {
  it("declares that it is not ready for production", () => {
    expect(manifest).toMatchObject({ pluginType: "local_keystore", productionReady: false })
  })
})
