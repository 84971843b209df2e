import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { checkProfile, loadProfile, profileJsonSchema } from "../src/index.ts"

const shipped = (name: string) => fileURLToPath(new URL(`../../../profiles/${name}`, import.meta.url))
const projectFolder = fileURLToPath(new URL("../../..", import.meta.url))

describe("the profiles that come with the product", () => {
  it.each(["local-profile.yaml", "apeiro-profile.yaml"])("%s loads with every plugin", async (name) => {
    const { failures, plugins } = await checkProfile(shipped(name), {
      environment: {},
      makeServices: () => testServices(),
    })
    expect(failures.map(({ message }) => message)).toEqual([])
    expect(plugins.map(({ state }) => state)).toEqual(plugins.map(() => "loaded"))
  })

  it("local-profile keeps its data in the project's folder, from wherever it is started", async () => {
    expect(await loadProfile(shipped("local-profile.yaml"), { environment: {} })).toMatchObject({
      mode: "development",
      dataDirectory: `${projectFolder}data`,
      persistence: { url: `sqlite://${projectFolder}data/host.sqlite` },
      credentialStore: { root: `${projectFolder}data/credential-root.key` },
      plugins: [{ name: "local-keystore" }, { name: "openbao" }],
    })
  })

  it("apeiro-profile is for production", async () => {
    const { mode } = await loadProfile(shipped("apeiro-profile.yaml"), { environment: {} })
    expect(mode).toBe("production")
  })
})

it("the schema next to the profiles is the generated one (`pnpm --filter @apeiro-cmk/host-runtime generate`)", () => {
  expect(readFileSync(shipped("profile.schema.json"), "utf8")).toBe(`${JSON.stringify(profileJsonSchema(), null, 2)}\n`)
})
