import { readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { sourceFiles } from "../source-shape.ts"

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const files = sourceFiles(["packages", "apps"].map((root) => join(project, root)))
  .map((file) => ({ name: relative(project, file), text: readFileSync(file, "utf8") }))
  .filter(({ name }) => name.includes("/src/"))

const egress = "packages/plugin-sdk/src/egress"
const http = "packages/plugin-sdk/src/http"

function filesWith(pattern: RegExp): readonly string[] {
  return files.filter(({ text }) => pattern.test(text)).map(({ name }) => name)
}

describe("what leaves the process", () => {
  it("asks the DNS in two files alone, and never by a thread of libuv's pool", () => {
    expect(filesWith(/["'](?:node:)?dns(?:\/promises)?["']/)).toEqual([
      `${egress}/names/dns-query.ts`,
      `${egress}/names/system-names.ts`,
    ])
    expect(filesWith(/import \{[^}]*\blookup\b[^}]*\} from ["'](?:node:)?dns|\bdns\.lookup\(/)).toEqual([])
  })

  it("connects in these files alone, each by a name look-up of ours or to a socket of this machine", () => {
    const clients = /import[^;]*?\b(?:connect|createConnection|Socket)\b[^;]*?from ["'](?:node:)?(?:net|tls)["']/
    const valueImports = filesWith(clients).filter((name) => !/\.d\.ts$/.test(name))
    const connecting = files
      .filter(
        ({ name, text }) =>
          valueImports.includes(name) && /(?<![.\w])(?:connect|createConnection)\(|new Socket\(/.test(text),
      )
      .map(({ name }) => name)
    expect(connecting).toEqual([
      `${egress}/tcp-connector.ts`,
      `${http}/http-proxy.ts`,
      `${http}/http-transport.ts`,
      // Sockets in the file system.
      "packages/plugin-wire/src/serve/stale-sockets.ts",
      "packages/thales/src/session/owned-folder.ts",
    ])
    expect(filesWith(/from ["']undici["']/)).toEqual([`${http}/http-proxy.ts`, `${http}/http-transport.ts`])
  })

  it("uses no client of Node's own, except towards our own API", () => {
    expect(filesWith(/(?<![.\w#])fetch\(/)).toEqual(["apps/cli/src/host-client.ts", "apps/host/src/demo/api-client.ts"])
    expect(filesWith(/import (?!type)[^;\n]*\b(?:request|get|Agent)\b[^;\n]*from ["'](?:node:)?https?["']/)).toEqual([])
  })

  it("gives every connector of undici a look-up", () => {
    for (const { name, text } of files.filter(({ text }) => text.includes('from "undici"'))) {
      expect(text, name).toMatch(/lookup: (?:un)?checkedLookup\(/)
    }
  })
})
