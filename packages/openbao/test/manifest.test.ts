import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import { plugin } from "../src/index.ts"

const printed = z.object({ pluginType: z.string(), loaded: z.array(z.string()) })

const recordLoads = `
  import { registerHooks } from "node:module"
  const loaded = []
  registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
  const { plugin } = await import(process.argv[1])
  process.stdout.write(JSON.stringify({ pluginType: plugin.manifest.pluginType, loaded }))
`

describe("openbao manifest", () => {
  it("is plain frozen data, and contains what the story and the auth methods need", () => {
    expect(structuredClone(plugin.manifest)).toEqual(plugin.manifest)
    expect(Object.isFrozen(plugin.manifest.keystoreConfigurationSchema)).toBe(true)
    expect(plugin.manifest).toMatchObject({
      pluginType: "openbao",
      displayName: "OpenBao (Vault-Compatible)",
      productionReady: true,
      keystoreConfigurationSchema: {
        properties: { auth_method: { enum: ["approle", "token", "kubernetes", "jwt", "cert"] } },
      },
    })
  })

  it("can be read without loading the HTTP library", async () => {
    const index = new URL("../src/index.ts", import.meta.url).href
    const options = ["--input-type=module", "--no-warnings", "-e", recordLoads, index]
    const { stdout } = await promisify(execFile)(process.execPath, options)
    const { pluginType, loaded } = printed.parse(JSON.parse(stdout))
    expect(pluginType).toBe("openbao")
    expect(loaded.length).toBeGreaterThan(10)
    expect(loaded.filter((url) => /undici|node-vault/.test(url))).toEqual([])
  })
})
