import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"

/** Runs a module in a fresh process and returns the names of all modules that it resolved. */
async function resolvedBy(source: string): Promise<readonly string[]> {
  const recorder = `import { registerHooks } from "node:module"
    const seen = []
    registerHooks({ resolve(name, context, next) { const found = next(name, context); seen.push(found.url); return found } })
    process.on("exit", () => process.stdout.write(JSON.stringify(seen)))`
  const preload = `data:text/javascript,${encodeURIComponent(recorder)}`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--no-warnings", "--import", preload, "--input-type=module", "--eval", source],
    { cwd: fileURLToPath(new URL("..", import.meta.url)) },
  )
  const urls: unknown = JSON.parse(stdout)
  return Array.isArray(urls) ? urls.map(String) : []
}

const ofUndici = (urls: readonly string[]) => urls.filter((url) => url.includes("/undici/"))
const ofWire = (urls: readonly string[]) => urls.filter((url) => /\/(@grpc|@bufbuild|yaml)\//.test(url))

it("importing the SDK, its services or its testing tools loads neither undici nor the packages of the wire", async () => {
  const urls = await resolvedBy(
    `for (const part of ["", "/services", "/testing"]) await import("@apeiro-cmk/plugin-sdk" + part)`,
  )
  expect(urls.some((url) => url.endsWith("/src/index.ts"))).toBe(true)
  expect([...ofUndici(urls), ...ofWire(urls)]).toEqual([])
})

it("making services and an HTTP client loads no undici; the first request does", async () => {
  const make = `import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
    const egress = { allowedEndpoints: ["https://*"], allowedAddresses: [] }
    const client = testServices().createHttpClient({ egress })`
  expect(ofUndici(await resolvedBy(`${make}; await client.close()`))).toEqual([])
  const request = `await client.request({ method: "GET", url: "https://127.0.0.1/", signal: AbortSignal.timeout(9000), call: { tenantId: "acme" } }).catch(() => {})`
  expect(ofUndici(await resolvedBy(`${make}; ${request}; await client.close()`))).not.toEqual([])
})
