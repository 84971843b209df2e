import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import * as z from "zod"
import { createHostClient } from "../src/host-client.ts"

/** Serves `{"names": [...]}` in parts, each with a `Link` to the next one. @returns its URL */
async function serveParts(parts: readonly (readonly string[])[]): Promise<string> {
  const server = createServer((request, response) => {
    const index = Number(new URL(request.url ?? "", "http://host").searchParams.get("cursor") ?? 0)
    if (index + 1 < parts.length) response.setHeader("Link", `<?limit=100&cursor=${index + 1}>; rel="next"`)
    response.setHeader("Content-Type", "application/json")
    response.end(JSON.stringify({ names: parts[index] }))
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
}

describe("the client of the command line", () => {
  it.each([[[["a", "b"], ["c"], ["d"]]], [[["a"]]], [[[]]]])(
    "reads the list %j to its end, in its order",
    async (parts) => {
      const folder = await mkdtemp(join(tmpdir(), "lists-"))
      onTestFinished(() => rm(folder, { recursive: true }))
      const headerFile = join(folder, "header")
      await writeFile(headerFile, `Authorization: Bearer acmk_${"A".repeat(43)}\n`, { mode: 0o600 })
      const client = createHostClient({ url: await serveParts(parts), headerFile })
      const schema = z.object({ names: z.array(z.string()) })
      expect(await client.list("/v1/names", schema, ({ names }) => names)).toEqual(parts.flat())
    },
  )
})
