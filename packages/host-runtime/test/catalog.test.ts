import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { KeystorePlugins, loadCatalog, loadProfile, startPlugins } from "../src/index.ts"
import { failureOf, type Project, project } from "./project.ts"

const thirdParty = `
  - name: elsewhere
    type: keystore
    package: third-party-keystore`

async function load({ profile }: Project, environment: Record<string, string> = {}) {
  const services = testServices()
  const loaded = await loadProfile(profile, { environment })
  const catalog = await loadCatalog(loaded, { makeServices: () => services, clock: systemClock })
  const keystores = new KeystorePlugins(catalog)
  return {
    catalog,
    keystores,
    services,
    start: () => startPlugins(catalog, { clock: systemClock, logger: services.logger }),
  }
}

describe("a third party's package outside the workspace", () => {
  it("loads, starts and is described like any other", async () => {
    const { catalog, keystores, start } = await load(
      project(`mode: production\nplugins:${thirdParty}\n    tags: [hyok]\n`),
    )
    expect(keystores.keystorePluginTypes()).toEqual([])
    expect(catalog.readiness()).toMatchObject({ ready: false, degraded: false })
    const running = await start()
    expect(keystores.keystorePluginTypes()).toEqual(["third_party"])
    expect(keystores.keystorePlugin("third_party")?.definition.manifest.name).toBe("third-party")
    expect(keystores.keystorePlugin("openbao")).toBeUndefined()
    expect(catalog.describePlugins()).toEqual([
      {
        name: "elsewhere",
        type: "keystore",
        package: "third-party-keystore",
        version: "3.2.1",
        state: "running",
        onFailure: "abort",
        tags: ["hyok"],
        manifest: expect.objectContaining({ name: "third-party", pluginType: "third_party" }),
      },
    ])
    await running.stop()
    expect(keystores.keystorePlugin("third_party")).toBeUndefined()
    expect(catalog.readiness()).toMatchObject({ ready: false, plugins: [{ state: "stopped" }] })
  })

  it("must export under a `default` condition", async () => {
    const made = project("mode: development\nplugins: [{ name: a, type: keystore, package: import-only }]\n")
    made.write(
      "node_modules/import-only/package.json",
      JSON.stringify({
        version: "1.0.0",
        type: "module",
        exports: { ".": { import: "./index.js" } },
        openkcm: { kind: "keystore", name: "import-only", contract: "keystore/v1" },
      }),
    )
    made.write("node_modules/import-only/index.js", "export const plugin = {}\n")
    const failure = await failureOf(load(made))
    expect(failure.code).toBe("PLUGIN_EXPORT_MISSING")
    expect(failure.message).toContain("under no `default` condition")
  })

  it("must be a plugin package at all", async () => {
    const made = project("mode: development\nplugins: [{ name: a, type: keystore, package: fixture-base }]\n")
    const failure = await failureOf(load(made))
    expect(failure.code).toBe("PLUGIN_MANIFEST_MISMATCH")
    expect(failure.message).toContain("no `openkcm` block")
  })

  it("is never one of Node's own modules", async () => {
    const made = project("mode: development\nplugins: [{ name: a, type: keystore, package: fs }]\n")
    expect(await failureOf(load(made))).toMatchObject({ code: "PLUGIN_PACKAGE_NOT_FOUND" })
  })

  it("has the kind that the profile says", async () => {
    const made = project(`mode: development\nplugins: [{ name: a, type: identity, package: third-party-keystore }]\n`)
    const failure = await failureOf(load(made))
    expect(failure.alsoFailed).toMatchObject([
      { code: "PLUGIN_MANIFEST_MISMATCH", problems: [{ line: 2, column: 28, allowed: ["keystore"] }] },
    ])
  })
})

describe("a plugin that does not load", () => {
  it("is reported together with every other one", async () => {
    const made = project(`mode: development
plugins:
  - { name: a, type: keystore, package: absent-one }
  - { name: b, type: keystore, package: absent-two }
  - { name: a, type: keystore, package: third-party-keystore }
`)
    const failure = await failureOf(load(made))
    expect([failure, ...failure.alsoFailed].map(({ code, plugin }) => `${code} ${plugin}`)).toEqual([
      "PLUGIN_CARDINALITY a",
      "PLUGIN_PACKAGE_NOT_FOUND a",
      "PLUGIN_PACKAGE_NOT_FOUND b",
    ])
    expect(failure.message).toContain("absent-one")
    expect(failure.message).toContain("absent-two")
  })

  it("fails alone under onFailure: continue, visibly", async () => {
    const made = project(`mode: development
plugins:
  - { name: a, type: keystore, package: absent-one, onFailure: continue }${thirdParty}
`)
    const { catalog, start } = await load(made)
    await start()
    expect(catalog.readiness()).toMatchObject({
      ready: true,
      degraded: true,
      plugins: [
        { name: "a", state: "failed", error: { code: "PLUGIN_PACKAGE_NOT_FOUND", nextStep: expect.any(String) } },
        { name: "elsewhere", state: "running" },
      ],
    })
  })

  it("because it is for trials is refused in production, not in development", async () => {
    const text = (mode: string) => `mode: ${mode}\nplugins: [{ name: a, type: keystore, package: trial-keystore }]\n`
    const production = project(text("production"))
    production.installScripted("trial-keystore", { productionReady: false })
    const failure = await failureOf(load(production))
    expect(failure.code).toBe("PLUGIN_NOT_FOR_PRODUCTION")
    expect(failure.message).toContain("for trials")
    const development = project(text("development"))
    development.installScripted("trial-keystore", { productionReady: false })
    expect((await load(development)).catalog.plugins()).toMatchObject([{ state: "loaded" }])
  })

  it.each([["package: third-party-keystore, isolation: process", "has no executable", "isolation: in-process"]])(
    "because it asks for a separate process (%s) fails with the reason why it has none",
    async (how, reason, hint) => {
      const failure = await failureOf(
        load(project(`mode: development\nplugins: [{ name: a, type: keystore, ${how} }]\n`)),
      )
      expect(failure.code).toBe("PLUGIN_ISOLATION_UNSUPPORTED")
      expect(failure.message).toContain(reason)
      expect(failure.nextStep).toContain(hint)
      expect(failure.problems).toMatchObject([{ line: 2 }])
    },
  )

  it("because no keystore is in the profile at all", async () => {
    const failure = await failureOf(
      load(project("mode: development\nplugins: [{ name: a, type: identity, package: x }]\n")),
    )
    expect(failure.code).toBe("PLUGIN_CARDINALITY")
    expect(failure.message).toContain("no plugin of type keystore")
  })

  it("because a second one of its kind is there", async () => {
    const made = project(`mode: development
plugins:${thirdParty}
  - { name: a, type: identity, package: x, onFailure: continue }
  - { name: b, type: identity, package: y, onFailure: continue }
`)
    expect(await failureOf(load(made))).toMatchObject({ code: "PLUGIN_CARDINALITY", plugin: "b" })
  })
})

describe("a plugin's configuration", () => {
  const canary = "canary-1f2e3d4c5b"
  const profileText = (configuration: string) => `mode: development
plugins: [{ name: a, type: keystore, package: scripted, configuration: { ${configuration} } }]
`
  const scripted = (configuration: string) => {
    const made = project(profileText(configuration))
    made.installScripted("scripted")
    return made
  }

  it("gets its secrets, and no log line or status shows them", async () => {
    const made = scripted("token: { source: env, env: TOKEN }, start: fail")
    const { catalog, services, start } = await load(made, { TOKEN: canary })
    const failure = await failureOf(start())
    expect(failure.message).toContain("cannot log in with [redacted]")
    expect(services.logger.text()).toContain('"token":"[redacted]"')
    services.logger.assertNoCanary([canary])
    const shown = JSON.stringify([failure, failure.message, String(failure.cause), catalog.describePlugins()])
    expect(shown).not.toContain(canary)
  })

  it("refused because of a value that came from a reference does not show the value", async () => {
    const made = scripted("token: { source: env, env: TOKEN }")
    const { problems } = await failureOf(load(made, { TOKEN: "p7" }))
    expect(problems.map(({ message }) => message)).toEqual(["the token [redacted] is too short"])
  })

  it("takes no secret that is written in the open", async () => {
    const { code, problems } = await failureOf(load(scripted("token: in-the-open")))
    expect(code).toBe("PLUGIN_CONFIG_INVALID")
    expect(problems).toMatchObject([{ message: "a secret must be a reference", allowed: ["env", "file"] }])
  })

  it("starts paths of the operator at the profile's folder", async () => {
    const made = scripted("folder: keys/l1, files: { token: keys/token }")
    const { services, start } = await load(made)
    await start()
    expect(services.logger.lines[0]?.fields).toMatchObject({
      folder: `${made.folder}/keys/l1`,
      file: `${made.folder}/keys/token`,
    })
  })

  it("cannot refer to a stored credential: the store keeps none for plugins yet", async () => {
    const failure = await failureOf(load(scripted("token: { source: credential, credential: token }")))
    expect(failure).toMatchObject({
      code: "SECRET_REFERENCE_UNRESOLVED",
      problems: [{ line: 2, allowed: ["env", "file"] }],
    })
    expect(failure.message).toContain("the credential store keeps none for plugins yet")
    expect(failure.nextStep).toContain("Use a reference with `source: env`")
  })
})
