import { goHostAvailable, startGoHost } from "@apeiro-cmk/test-backends"
import { expect, it } from "vitest"
import { parse } from "yaml"
import { loadProfile, renderForOpenkcm } from "../src/index.ts"
import { project } from "./project.ts"

const text = `mode: production
plugins:
  - name: OPENBAO
    type: keystore
    package: "@apeiro-cmk/openbao"
    tags: [hyok]
    onFailure: continue
    configuration: { allowedEndpoints: ["https://bao.example:8200"], token: { source: env, env: TOKEN } }
  - { name: IDENTITY, type: identity, package: "@apeiro-cmk/apeiro-identity" }
  - name: OTHER
    type: keystore
    path: /opt/other
    args: [--quiet]
    env: { LANG: C }
    checksum: ${"ab".repeat(32)}
    logLevel: debug
    yamlConfiguration: "region: eu"
`

const render = async (folder?: string) => {
  const profile = await loadProfile(project(text).profile, { environment: { TOKEN: "canary-of-a-token" } })
  return renderForOpenkcm(profile, folder)
}

it("writes each package as an executable, in upstream's keys, and no secret", async () => {
  const { yaml } = await render()
  expect(parse(yaml)).toEqual({
    plugins: [
      {
        name: "OPENBAO",
        type: "KeystoreInstanceKeyOperation",
        path: "/plugins/OPENBAO/serve.mjs",
        logLevel: "info",
        tags: ["hyok"],
        yamlConfiguration: expect.any(String),
      },
      {
        name: "IDENTITY",
        type: "IdentityManagementService",
        path: "/plugins/IDENTITY/serve.mjs",
        logLevel: "info",
        yamlConfiguration: "{}\n",
      },
      {
        name: "OTHER",
        type: "KeystoreInstanceKeyOperation",
        path: "/opt/other",
        args: ["--quiet"],
        env: { LANG: "C" },
        checksum: "ab".repeat(32),
        logLevel: "debug",
        yamlConfiguration: "region: eu",
      },
    ],
  })
  expect(parse(parse(yaml).plugins[0].yamlConfiguration)).toMatchObject({
    allowedEndpoints: ["https://bao.example:8200"],
  })
  expect(yaml).not.toContain("canary-of-a-token")
  expect((await render("/etc/plugins")).yaml).toContain("path: /etc/plugins/OPENBAO/serve.mjs")
})

it("reports what that server cannot express, and its place", async () => {
  const { problems } = await render()
  expect(problems.map(({ line, message }) => [line, message])).toEqual([
    [8, expect.stringContaining("resolves no references")],
    [7, expect.stringContaining("ends when a plugin cannot be loaded")],
    [12, expect.stringContaining("in that server's image")],
  ])
})

it.skipIf(!(await goHostAvailable()))(
  "is understood by upstream's own loader, which then misses the file alone",
  async () => {
    const { yaml } = await render("/nowhere")
    const host = await startGoHost(parse(yaml).plugins)
    expect(host.loaded).toMatchObject({ event: "load_failed", message: expect.stringContaining("/nowhere/OPENBAO") })
    await host.kill()
  },
)
