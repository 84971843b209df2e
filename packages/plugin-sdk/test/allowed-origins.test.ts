import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { testCall, testServices } from "../src/testing.ts"

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const vault = "https://vault.example:8200"

/** A reader of the credential directory with these files, by their paths. */
async function directoryWith(files: Readonly<Record<string, string>>) {
  const directory = await mkdtemp(join(tmpdir(), "allowed-origins-"))
  cleanups.push(() => rm(directory, { recursive: true }))
  for (const [name, text] of Object.entries({ "acme/openbao/secret-id": "s3cret", ...files })) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), text)
  }
  const services = testServices({ credentialDirectory: directory })
  const read = async (
    servers: readonly string[],
    allowedEndpoints: readonly string[] = ["https://*"],
    name = "openbao/secret-id",
  ) => {
    const bytes = await services.files.read(name, testCall(), { servers, allowedEndpoints })
    return Buffer.from(bytes).toString()
  }
  return { directory, read }
}

const refused = { code: "INVALID_REQUEST", message: expect.stringContaining("may not be sent to") }

describe("a secret in a file", () => {
  it("goes without a rule only to hosts that the operator has named in full", async () => {
    const { read } = await directoryWith({})
    for (const endpoint of [vault, "https://vault.example:*", "https://VAULT.example:8200/"]) {
      expect(await read([vault], [endpoint]), endpoint).toBe("s3cret")
    }
    for (const endpoint of ["https://*", "https://*:8200", "https://*.example:8200", "https://other.example:8200"]) {
      await expect(read([vault], ["https://named.example", endpoint]), endpoint).rejects.toMatchObject(refused)
    }
  })

  it("goes by a rule only to the origins that the rule names, whatever the endpoints are", async () => {
    const { read } = await directoryWith({ "acme/openbao/allowed-origins": `# ours\n${vault} # main\r\n\n` })
    expect(await read([vault])).toBe("s3cret")
    expect(await read([`${vault}/prefix`])).toBe("s3cret")
    for (const server of [
      "https://vault.example",
      "https://vault.example:8201",
      "http://vault.example:8200",
      "https://vault.example.evil.example:8200",
      "https://a.vault.example:8200",
      "https://evil.example:8200",
    ]) {
      await expect(read([server], [server]), server).rejects.toMatchObject(refused)
      await expect(read([vault, server], [server, vault]), server).rejects.toMatchObject(refused)
    }
  })

  it("obeys the nearest rule at its real place, up to the one for all tenants", async () => {
    const one = "https://one.example"
    const two = "https://two.example"
    const { read, directory } = await directoryWith({ "allowed-origins": one, "acme/keys/api-key": "k3y" })
    expect(await read([one])).toBe("s3cret")
    await writeFile(join(directory, "acme/allowed-origins"), two)
    await expect(read([one])).rejects.toMatchObject(refused)
    expect(await read([two])).toBe("s3cret")
    await writeFile(join(directory, "acme/openbao/allowed-origins"), one)
    expect(await read([one])).toBe("s3cret")
    await symlink("../openbao/secret-id", join(directory, "acme/keys/linked"))
    await expect(read([two], [], "keys/linked")).rejects.toMatchObject(refused)
    expect(await read([two], [], "keys/api-key")).toBe("k3y")
  })

  it("goes nowhere by a rule that is empty or unreadable", async () => {
    for (const rule of ["", "# nothing yet"]) {
      const { read } = await directoryWith({ "acme/allowed-origins": rule })
      await expect(read([vault], [vault]), rule).rejects.toMatchObject(refused)
    }
    const { read, directory } = await directoryWith({})
    await mkdir(join(directory, "acme/allowed-origins"))
    await expect(read([vault], [vault])).rejects.toMatchObject({ code: "INVALID_REQUEST" })
  })

  it("goes nowhere by a rule with a malformed line, which the error names by its number alone", async () => {
    for (const line of ["vault.example:8200", "https://vault.example:8200 https://x.example", "http://*"]) {
      for (const [rule, number] of [
        [line, 1],
        [`${vault}\n# ours\r\n${line}`, 3],
        [`\n${line}\n${vault}`, 2],
      ] as const) {
        const { read } = await directoryWith({ "acme/allowed-origins": rule })
        const message = `Line ${number} of allowed-origins is not an origin, so that file allows nothing.`
        await expect(read([vault], [vault]), rule).rejects.toMatchObject({ code: "INVALID_REQUEST", message })
      }
    }
  })

  it("may go to any allowed server where the operator's rule says so", async () => {
    const { read } = await directoryWith({ "acme/allowed-origins": "https://*" })
    expect(await read([vault])).toBe("s3cret")
  })

  it("is named in the error with the server and what the operator does about it", async () => {
    const { read } = await directoryWith({})
    await expect(read([`${vault}/v1`])).rejects.toMatchObject({
      message: expect.stringContaining(vault),
      nextStep: expect.stringMatching(/allowed-origins/),
    })
  })

  it("needs no rule where it is sent nowhere, as a certificate", async () => {
    const { read } = await directoryWith({ "acme/allowed-origins": "" })
    expect(await read([], [])).toBe("s3cret")
  })
})
