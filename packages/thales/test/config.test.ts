import { describe, expect, it } from "vitest"
import { plugin } from "../src/index.ts"

/** The story's own configuration, letter for letter (story 3, step 2), without the PIN that the plugin also needs. */
const story = {
  hsm_ip_addresses: ["192.168.1.100", "192.168.1.101"],
  partition_label: "openkcm_partition",
  slot_id: 1,
  client_certificate: "thales_client_cert.pem",
  client_private_key: "thales_client_key.pem",
  ca_certificate: "thales_ca_cert.pem",
}

const parse = (configuration: object) =>
  plugin.configuration.keystore.parse({ ...story, pin: "1234", ...configuration })

describe("a keystore's configuration", () => {
  it("is the story's, with a PIN", () => {
    expect(parse({})).toMatchObject({
      ok: true,
      value: { key_label: "openkcm-l1", module: "luna", serial_numbers: [] },
    })
    expect(plugin.configuration.keystore.parse(story)).toMatchObject({ ok: false, issues: [{ path: ["pin"] }] })
  })

  it.each<[string, object, readonly (string | number)[], string]>([
    ["a host name instead of an address", { hsm_ip_addresses: ["hsm.example"] }, ["hsm_ip_addresses", 0], ""],
    ["no address", { hsm_ip_addresses: [] }, ["hsm_ip_addresses"], ""],
    ["a label that no token can have", { partition_label: "x".repeat(33) }, ["partition_label"], ""],
    ["one serial number for two appliances", { serial_numbers: ["1"] }, ["serial_numbers"], "one for each"],
  ])("with %s is refused", (_name, configuration, path, words) => {
    const result = parse(configuration)
    const issues = result.ok ? [] : result.issues
    expect(issues).toContainEqual(expect.objectContaining({ path, message: expect.stringContaining(words) }))
  })
})

describe("the plugin's configuration", () => {
  it("knows the Luna client's library by default", () => {
    expect(plugin.configuration.plugin.parse({})).toMatchObject({
      ok: true,
      value: { modules: { luna: { library: expect.stringContaining("libCryptoki2_64.so") } }, sessions: 16 },
    })
  })

  it("takes no library from a tenant: a module is a name", () => {
    expect(parse({ module: "/tmp/evil.so" })).toMatchObject({ ok: true })
    expect(plugin.configuration.plugin.parse({ modules: { "../evil": { library: "x" } } })).toMatchObject({ ok: false })
  })
})
