import { relative } from "node:path"
import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { expect, it } from "vitest"
import { checkProfile } from "../src/index.ts"
import { project } from "./project.ts"

const options = { environment: {}, makeServices: () => testServices() }

const withToken = (token: string) => `mode: development
plugins:
  - name: a
    type: keystore
    package: scripted
    configuration: { start: fail, token: ${token} }
`

it("loads without starting", async () => {
  const made = project(withToken("{ source: env, env: TOKEN }"))
  made.installScripted("scripted")
  expect(await checkProfile(made.profile, { ...options, environment: { TOKEN: "secret" } })).toMatchObject({
    ok: true,
    plugins: [{ name: "a", state: "loaded", version: "1.2.3" }],
    failures: [],
  })
})

it("refuses a stored credential, as a start does", async () => {
  const made = project(withToken("{ source: credential, credential: token }"))
  made.installScripted("scripted")
  expect(await checkProfile(made.profile, options)).toMatchObject({
    ok: false,
    failures: [{ code: "SECRET_REFERENCE_UNRESOLVED", problems: [{ line: 6 }] }],
  })
})

it("takes a profile that is named relative to the working directory", async () => {
  const made = project("mode: development\nplugins: [{ name: a, type: keystore, package: third-party-keystore }]\n")
  const check = await checkProfile(relative(process.cwd(), made.profile), options)
  expect(check).toMatchObject({ ok: true, profile: { folder: made.folder } })
})

it("reports every failing plugin, those with onFailure: continue too", async () => {
  const made = project(`mode: development
plugins:
  - { name: a, type: keystore, package: absent, onFailure: continue }
  - { name: b, type: keystore, package: scripted, configuration: { start: sideways } }
`)
  made.installScripted("scripted")
  const check = await checkProfile(made.profile, options)
  expect(check.ok).toBe(false)
  expect(check.failures.map(({ code, plugin }) => `${code} ${plugin}`)).toEqual([
    "PLUGIN_PACKAGE_NOT_FOUND a",
    "PLUGIN_CONFIG_INVALID b",
  ])
})

it("reports a profile that is not sound", async () => {
  const check = await checkProfile(project("mode: neither\n").profile, options)
  expect(check).toMatchObject({ ok: false, plugins: [], failures: [{ code: "PROFILE_INVALID" }] })
})
