import { describe, expect, it } from "vitest"
import { loadProfile } from "../src/index.ts"
import { failureOf, project } from "./project.ts"

const canary = "canary-5f0c1e\nmode: production\nplugins: [{name: *x"

function profileWith(configuration: string): string {
  return `mode: development
listeners: { api: { host: { source: env, env: HOST }, port: { source: env, env: PORT } } }
plugins:
  - name: local
    type: keystore
    package: third-party-keystore
    configuration:
${configuration.replaceAll(/^/gm, "      ")}
`
}

const environment = { HOST: "127.0.0.3", PORT: "9001", TOKEN: canary }

describe("references", () => {
  it("are replaced by text that is never parsed as YAML", async () => {
    const { profile, write } = project(
      profileWith(`token: { source: env, env: TOKEN }
nested: [{ deep: { source: file, file: { path: secrets/token } } }]`),
    )
    write("secrets/token", "from: {a: file}\n")
    const loaded = await loadProfile(profile, { environment })
    expect(loaded.listeners.api).toMatchObject({ host: "127.0.0.3", port: 9001 })
    expect(loaded.plugins[0]?.resolvedConfiguration()).toEqual({ token: canary, nested: [{ deep: "from: {a: file}" }] })
  })

  it("stay unresolved in everything that may be shown", async () => {
    const { profile } = project(profileWith("token: { source: env, env: TOKEN }"))
    const loaded = await loadProfile(profile, { environment })
    expect(loaded.plugins[0]?.shownConfiguration).toEqual({ token: { source: "env", env: "TOKEN" } })
    expect(JSON.stringify(loaded)).not.toContain("canary")
    expect(JSON.stringify(loaded.shown)).toContain('"host":{"source":"env","env":"HOST"}')
  })

  it("to stored credentials wait for the catalog", async () => {
    const { profile } = project(profileWith("token: { source: credential, credential: openbao-token }"))
    const [plugin] = (await loadProfile(profile, { environment })).plugins
    expect(plugin?.references).toEqual([
      { path: ["token"], reference: { source: "credential", credential: "openbao-token" } },
    ])
  })

  it.each([
    [
      "an unset variable",
      "token: { source: env, env: ABSENT }",
      /^the environment variable ABSENT is not set or empty$/,
    ],
    ["a missing file", "token: { source: file, file: { path: absent } }", /^the file absent does not exist$/],
    ["a folder", "token: { source: file, file: { path: . } }", /^the file \. is not a regular file$/],
    ["an unknown source", "token: { source: vault, vault: x }", /source is unknown/],
    ["a literal value", "token: { source: embedded, value: x }", /source is unknown/],
    [
      "a further key",
      "token: { source: env, env: TOKEN, default: x }",
      /written \{source: env, env: NAME\}, nothing else/,
    ],
    [
      "a file without its mapping",
      "token: { source: file, file: /etc/passwd }",
      /written \{source: file, file: \{path: PATH\}\}/,
    ],
    ["a variable's name that is none", 'token: { source: env, env: "a b" }', /written \{source: env, env: NAME\}/],
  ])("are refused for %s", async (_name, configuration, expected) => {
    const { profile } = project(profileWith(configuration))
    const { problems } = await failureOf(loadProfile(profile, { environment }))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ line: 8, column: 14, path: "plugins[0].configuration.token" })
    expect(problems[0]?.message).toMatch(expected)
  })

  it("are refused where they would decide which code runs", async () => {
    const { profile } = project(`mode: { source: env, env: MODE }
plugins:
  - name: local
    type: keystore
    package: { source: env, env: PACKAGE }
`)
    const failure = await failureOf(loadProfile(profile, { environment: { MODE: "production", PACKAGE: "a" } }))
    expect(failure.problems.map(({ path }) => path)).toEqual(["mode", "plugins[0].package"])
  })

  it("do not put their value into the message when the value is wrong", async () => {
    const { profile } = project(profileWith("{}"))
    const failure = await failureOf(
      loadProfile(profile, { environment: { HOST: "canary-5f0c1e host", PORT: "canary-5f0c1e" } }),
    )
    expect(failure.problems.map(({ path }) => path)).toEqual(["listeners.api.host", "listeners.api.port"])
    expect(failure.message + JSON.stringify(failure)).not.toContain("canary")
  })

  it("to stored credentials are refused for what is needed before the store opens", async () => {
    const { profile } = project(`mode: development
credentialStore: { root: { source: credential, credential: root } }
plugins: [{ name: a, type: keystore, package: a }]
`)
    const { problems } = await failureOf(loadProfile(profile, { environment }))
    expect(problems).toMatchObject([{ line: 2, column: 26, allowed: ["env", "file"] }])
  })
})
