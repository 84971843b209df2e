import { mkdir, readFile, stat } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tenantWithKeys } from "../fixtures.ts"
import { type Workspace, workspace } from "./workspace.ts"

describe("a file that the command line writes or reads", () => {
  let work: Workspace
  beforeAll(async () => {
    work = await workspace()
    await tenantWithKeys(work.host, "acme")
    await mkdir(work.file("folder"))
  })
  afterAll(() => work.host[Symbol.asyncDispose]())

  const exportTo = (name: string, tenant = "acme", ...options: string[]) =>
    work.cli.run(...options, "audit", "export", tenant, "--output", work.file(name))

  it("is not left behind when the export fails, and the exit code is that of the failure", async () => {
    const unknown = await exportTo("unknown.jsonl", "nobody")
    expect(unknown).toMatchObject({ exitCode: 5 })
    expect(unknown.stderr).toContain("There is no tenant nobody.")
    const down = await exportTo("down.jsonl", "acme", "--url", "http://127.0.0.1:9")
    expect(down).toMatchObject({ exitCode: 3 })
    for (const name of ["unknown.jsonl", "down.jsonl"]) await expect(stat(work.file(name))).rejects.toThrow("ENOENT")
  })

  it("is removed when the answer is cut off halfway", async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson" })
      response.write('{"first":1}\n', () => response.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    const broken = await exportTo("half.jsonl", "acme", "--url", `http://127.0.0.1:${port}`)
    server.close()
    expect(broken).toMatchObject({ exitCode: 3 })
    expect(broken.stderr).toContain("was cut off")
    await expect(stat(work.file("half.jsonl"))).rejects.toThrow("ENOENT")
  })

  it("is never overwritten, and a wrong path is explained in a sentence", async () => {
    const taken = await work.write("taken.jsonl", "mine")
    const refused = await exportTo("taken.jsonl")
    expect(refused).toMatchObject({ exitCode: 2 })
    expect(refused.stderr).toContain("exists already, and is not overwritten.")
    expect(await readFile(taken, "utf8")).toBe("mine")
    const nowhere = await exportTo("nowhere/audit.jsonl")
    expect(nowhere).toMatchObject({ exitCode: 2 })
    expect(nowhere.stderr).toMatch(/There is no folder .*nowhere\./)
    for (const { stderr } of [refused, nowhere]) expect(stderr).not.toMatch(/EEXIST|ENOENT/)
  })

  it("costs no data key when the plain key cannot be written", async () => {
    const entries = async () => (await work.cli.run("audit", "tail", "acme")).stdout.match(/dataKeyGenerate/g)
    const before = await entries()
    const taken = await work.write("taken.bin", "mine")
    const refused = await work.cli.run("data-key", "generate", "acme", "payments", "--plaintext-file", taken)
    expect(refused).toMatchObject({ exitCode: 2 })
    expect(await entries()).toEqual(before)
  })

  it("is named when it is missing, a folder, empty or not JSON, with line and column and without its content", async () => {
    const add = (file: string) => work.cli.run("keystore", "add", "acme", file)
    const broken = await add(await work.write("broken.json", '{\n  "secret_id": "canary"\n  "key": 1\n}'))
    expect(broken).toMatchObject({ exitCode: 2 })
    expect(broken.stderr).toContain("broken.json:3:3")
    expect(broken.stderr).not.toMatch(/canary|jq/)
    for (const [file, sentence] of [
      [work.file("missing.json"), "There is no file"],
      [work.file("folder"), "is a folder"],
      [await work.write("empty.json", ""), "is empty."],
    ] as const) {
      const refused = await add(file)
      expect(refused).toMatchObject({ exitCode: 2 })
      expect(refused.stderr).toContain(sentence)
      expect(refused.stderr).not.toMatch(/ENOENT|EISDIR/)
    }
    const verified = await work.cli.run("audit", "verify", work.file("missing.jsonl"))
    expect(verified).toMatchObject({ exitCode: 2 })
    expect(verified.stderr).toContain("There is no file")
  })
})
