import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { formatProblem, loadProfile } from "../src/index.ts"
import { failureOf, project } from "./project.ts"

const keystore = `
plugins:
  - name: local
    type: keystore
    package: third-party-keystore
`

async function problemsOf(text: string) {
  const { profile, folder } = project(text)
  const failure = await failureOf(loadProfile(profile, { environment: {} }))
  expect(failure).toMatchObject({ code: "PROFILE_INVALID", origin: "caller", retryable: false })
  return failure.problems.map((problem) => formatProblem(problem).replace(`${folder}/`, ""))
}

describe("a sound profile", () => {
  it("has defaults that start at the profile's folder", async () => {
    const { profile, folder } = project(`mode: development${keystore}`)
    const loaded = await loadProfile(profile, { environment: {} })
    expect(loaded).toMatchObject({
      folder,
      mode: "development",
      listeners: { api: { host: "127.0.0.1", port: 8470 }, operations: { host: "127.0.0.1", port: 8471 } },
      persistence: { url: `sqlite://${folder}/data/host.sqlite` },
      dataDirectory: join(folder, "data"),
      credentialDirectory: join(folder, "data/credentials"),
      credentialStore: { root: join(folder, "data/credential-root.key") },
    })
    expect(loaded.plugins).toMatchObject([
      {
        name: "local",
        kind: "keystore",
        package: "third-party-keystore",
        isolation: "in-process",
        onFailure: "abort",
        tags: [],
      },
    ])
  })

  it("keeps what it says, relative paths made absolute", async () => {
    const { profile, folder } = project(`
mode: production
listeners: { api: { host: 0.0.0.0, port: 9000 }, operations: { port: 0 } }
persistence: { url: "sqlite:store/with space.sqlite" }
dataDirectory: ../shared
credentialDirectory: /etc/credentials
credentialStore: { root: root.key }
plugins:
  - { name: go, type: identity, path: bin/plugin, onFailure: continue, tags: [hyok], yamlConfiguration: "a: 1" }
`)
    expect(await loadProfile(profile, { environment: {} })).toMatchObject({
      mode: "production",
      listeners: { api: { host: "0.0.0.0", port: 9000 }, operations: { host: "127.0.0.1", port: 0 } },
      persistence: { url: `sqlite://${folder}/store/with%20space.sqlite` },
      dataDirectory: join(folder, "../shared"),
      credentialDirectory: "/etc/credentials",
      credentialStore: { root: join(folder, "root.key") },
      plugins: [{ path: join(folder, "bin/plugin"), isolation: "process", onFailure: "continue", tags: ["hyok"] }],
    })
  })

  it("takes an absolute database URL as it is", async () => {
    const { profile } = project(`mode: development\npersistence: { url: "sqlite:///var/lib/a.sqlite" }${keystore}`)
    expect((await loadProfile(profile, { environment: {} })).persistence.url).toBe("sqlite:///var/lib/a.sqlite")
  })

  it("takes a PostgreSQL URL, with its password from elsewhere, read again each time", async () => {
    const { profile, folder } = project(`
mode: production
persistence:
  url: postgres://cmk@db.internal/cmk?sslrootcert=ca.pem
  password: { source: file, file: { path: password } }
  maximumConnections: 20${keystore}`)
    writeFileSync(join(folder, "password"), "first\n")
    const { persistence, shown } = await loadProfile(profile, { environment: {} })
    expect(persistence).toMatchObject({
      url: `postgres://cmk@db.internal/cmk?sslrootcert=${encodeURIComponent(join(folder, "ca.pem"))}`,
      maximumConnections: 20,
    })
    expect(await persistence.readPassword?.()).toBe("first")
    writeFileSync(join(folder, "password"), "second\n")
    expect(await persistence.readPassword?.()).toBe("second")
    expect(JSON.stringify([shown, persistence])).not.toMatch(/first|second/)
  })

  it("takes the password out of a PostgreSQL URL that comes from elsewhere", async () => {
    const { profile } = project(`mode: production\npersistence: { url: { source: env, env: DATABASE } }${keystore}`)
    const environment = { DATABASE: "postgres://cmk:p%40ss@db.internal/cmk" }
    const { persistence } = await loadProfile(profile, { environment })
    expect(persistence.url).toBe("postgres://cmk@db.internal/cmk")
    expect(await persistence.readPassword?.()).toBe("p@ss")
  })

  it("bounds opened keystores, by default or as the operator says", async () => {
    const { profile } = project(`mode: production${keystore}`)
    const { openedKeystores } = await loadProfile(profile, { environment: {} })
    expect(openedKeystores).toEqual({ idleMs: 300_000, maximumOpen: 1000, maximumPerTenant: 50 })
    const other = project(`mode: production\nopenedKeystores: { idleMs: 60000, maximumPerTenant: 5 }${keystore}`)
    const bounded = await loadProfile(other.profile, { environment: {} })
    expect(bounded.openedKeystores).toEqual({ idleMs: 60_000, maximumOpen: 1000, maximumPerTenant: 5 })
  })

  it("may use an alias for a repeated value", async () => {
    const { profile } = project(`
mode: development
listeners: { api: { host: &here 127.0.0.2 }, operations: { host: *here } }${keystore}`)
    expect((await loadProfile(profile, { environment: {} })).listeners.operations.host).toBe("127.0.0.2")
  })
})

describe("a faulty profile", () => {
  it("reports every problem at once, in the order of the file, each at its place", async () => {
    expect(
      await problemsOf(`mode: prodution
listeners:
  api:
    hots: 127.0.0.1
    port: 99999
plugins:
  - name: local
    type: keystroke
    package: Not A Package
  - type: keystore
    package: a
    onFailure: ignore
`),
    ).toEqual([
      "profile.yaml:1:7 mode: this value is not allowed (allowed: development, production)",
      "profile.yaml:4:5 listeners.api.hots: unknown key `hots` (allowed: host, port, maximumConnections, maximumRequests, maximumWaitingBytes, headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, slowReaderTimeoutMs)",
      "profile.yaml:5:11 listeners.api.port: Too big: expected number to be <=65535",
      "profile.yaml:8:11 plugins[0].type: this value is not allowed (allowed: keystore, identity, certificate-issuer, system-information, notification)",
      "profile.yaml:9:14 plugins[0].package: expected the name of an npm package",
      "profile.yaml:10:5 plugins[1].name: this key is missing",
      "profile.yaml:12:16 plugins[1].onFailure: this value is not allowed (allowed: abort, continue)",
    ])
  })

  it("places an unknown key at the key and lists the known ones", async () => {
    expect(await problemsOf(`mode: development\nplugin: []${keystore}`)).toEqual([
      "profile.yaml:2:1 plugin: unknown key `plugin` (allowed: mode, listeners, quotas, persistence, dataDirectory, credentialDirectory, credentialStore, openedKeystores, plugins)",
    ])
  })

  it("places a missing key at its parent", async () => {
    expect(await problemsOf("listeners: {}\nplugins:\n  - { name: a, type: keystore, package: b }\n")).toEqual([
      "profile.yaml:1:1 mode: this key is missing (allowed: development, production)",
    ])
    expect(await problemsOf("mode: development\n")).toEqual(["profile.yaml:1:1 plugins: this key is missing"])
  })

  it("refuses a key that is set twice and says where it was set first", async () => {
    expect(await problemsOf(`mode: development\nmode: production${keystore}`)).toEqual([
      "profile.yaml:2:1 mode: this key is already set in line 1",
    ])
  })

  it("refuses contradictory entries", async () => {
    expect(
      await problemsOf(`mode: development
plugins:
  - { name: a, type: keystore, package: a, path: ./a }
  - { name: b, type: keystore }
  - { name: c, type: keystore, path: ./c, configuration: {} }
  - { name: d, type: keystore, package: d, yamlConfiguration: "x: 1" }
  - { name: e, type: keystore, path: ./e, isolation: in-process }
`),
    ).toEqual([
      "profile.yaml:3:44 plugins[0].path: give either `package` or `path`",
      "profile.yaml:4:5 plugins[1].package: give either `package` or `path`",
      "profile.yaml:5:43 plugins[2].configuration: an executable takes `yamlConfiguration`",
      "profile.yaml:6:44 plugins[3].yamlConfiguration: a package takes `configuration`",
      "profile.yaml:7:43 plugins[4].isolation: an executable cannot run in process",
    ])
  })

  it("refuses a password that is written in it, without repeating it", async () => {
    const url = "postgres://cmk:hunter2@db.internal/cmk"
    expect(await problemsOf(`mode: development\npersistence: { url: "${url}", password: hunter2 }${keystore}`)).toEqual(
      [
        "profile.yaml:2:21 persistence.url: holds a password: write it as a reference in persistence.password",
        "profile.yaml:2:73 persistence.password: a password is written as a reference, {source: file, file: {path: PATH}} or {source: env, env: NAME}",
      ],
    )
  })

  it("refuses a database that it does not know", async () => {
    expect(await problemsOf(`mode: development\npersistence: { url: "mysql://db/cmk" }${keystore}`)).toEqual([
      "profile.yaml:2:21 persistence.url: expected sqlite:PATH, sqlite:///ABSOLUTE/PATH or postgres://USER@HOST:PORT/DATABASE",
    ])
  })

  it("refuses one port for both listeners", async () => {
    const text = `mode: development\nlisteners:\n  operations:\n    port: 8470${keystore}`
    expect(await problemsOf(text)).toEqual([
      "profile.yaml:4:11 listeners.operations.port: api and operations cannot share one port",
    ])
  })

  it.each([
    ["an unclosed bracket", "mode: [development\nplugins: []\n", /profile\.yaml:\d+:\d+: /],
    ["tabs as indentation", "mode: development\nlisteners:\n\tapi: {}\n", /profile\.yaml:3:1: Tabs/],
    ["a tag", `mode: !!js/function development${keystore}`, /profile\.yaml:1:7: Unresolved tag/],
    [
      "an unknown alias",
      `mode: *nowhere${keystore}`,
      /profile\.yaml:1:7 mode: nothing before this has the anchor &nowhere/,
    ],
    ["a second document", `mode: development${keystore}---\nmode: production\n`, /multiple documents/],
    ["a number as a key", `mode: development\n8: x${keystore}`, /profile\.yaml:2:1: a key must be text/],
    ["a prototype key", `mode: development\n__proto__: {}${keystore}`, /profile\.yaml:2:1: a key must be text/],
    ["a merge key", `mode: development\n<<: { mode: production }${keystore}`, /unknown key `<<`/],
    ["an infinite number", `mode: .inf${keystore}`, /profile\.yaml:1:7 mode: expected text, a finite number/],
    ["a list instead of a mapping", "- mode: development\n", /profile\.yaml:1:1: expected object, received array/],
    ["an empty file", "# nothing\n", /profile\.yaml:1:1: the profile is empty/],
    ["an empty list of plugins", "mode: development\nplugins: []\n", /profile\.yaml:2:10 plugins: Too small/],
  ])("refuses %s", async (_name, text, expected) => {
    expect((await problemsOf(text))[0]).toMatch(expected)
  })

  it("refuses an alias bomb without unfolding it", async () => {
    const lines = Array.from({ length: 40 }, (_, n) => {
      const below = n === 0 ? '"x"' : Array.from({ length: 9 }, () => `*a${n - 1}`).join(", ")
      return `a${n}: &a${n} [${below}]`
    })
    expect(await problemsOf(`${lines.join("\n")}\nmode: development${keystore}`)).toEqual([
      "profile.yaml:1:1: the file has more than 10000 values, counting each use of an alias",
    ])
  })

  it("refuses an alias to a mapping around it, and endless nesting", async () => {
    expect((await problemsOf(`mode: &m [*m]${keystore}`))[0]).toMatch(/nested more than 50 levels deep/)
    expect((await problemsOf(`mode: ${"[".repeat(20_000)}`))[0]).toMatch(/profile\.yaml:\d+:\d+: /)
  })

  it("says why a file cannot be read", async () => {
    const { profile, folder, write } = project(`mode: development${keystore}`)
    const message = async (file: string) =>
      (await failureOf(loadProfile(file, { environment: {} }))).problems[0]?.message
    expect(await message(join(folder, "absent.yaml"))).toBe("the profile does not exist")
    expect(await message(folder)).toBe("the profile is not a regular file")
    expect(await message(write("large.yaml", `mode: ${"x".repeat(1_100_000)}`))).toMatch(/larger than/)
    chmodSync(profile, 0o000)
    // The superuser may read it all the same.
    if (process.getuid?.() !== 0) expect(await message(profile)).toBe("the profile may not be read by this user")
  })
})
