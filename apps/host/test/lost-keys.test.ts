import { access, copyFile, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, expect, it, onTestFinished } from "vitest"
import { startTestHost, type TestFolder, type TestHost, testFolder } from "./test-host.ts"

const rootKey = "credential-root.key"
const tokenOfKeystore = "CANARY-token"

/** A folder in which a host has served, and is stopped. */
async function usedFolder(work: (host: TestHost) => Promise<void> = async () => undefined): Promise<TestFolder> {
  const folder = await testFolder({ openBao: { endpoint: "https://127.0.0.1:1" } })
  onTestFinished(() => folder.remove())
  const host = await startTestHost({}, folder)
  await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
  await work(host)
  await host.stop()
  return folder
}

async function withStoredSecret({ administrator }: TestHost): Promise<void> {
  await administrator.expect(201, "POST", "/v1/tenants/acme/keystores", {
    plugin_type: "openbao",
    plugin_name: "far",
    configuration: {
      ...{ vault_address: "https://127.0.0.1:1", mount_path: "transit", key_name: "l1" },
      ...{ auth_method: "token", token: tokenOfKeystore },
    },
  })
}

async function withActiveSoftwareKey({ administrator }: TestHost): Promise<void> {
  const document = { plugin_type: "local_keystore", plugin_name: "soft", configuration: { key_name: "default" } }
  await administrator.expect(201, "POST", "/v1/tenants/acme/keystores", document)
  await administrator.expect(200, "POST", "/v1/tenants/acme/keystores/soft/activate", {})
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

/** Makes the data of a version that stated no root key on SQLite. */
function withoutStatement(folder: TestFolder): void {
  const file = new DatabaseSync(join(folder.dataDirectory, "host.sqlite"))
  file.exec("delete from shared_facts")
  file.close()
}

async function starts(folder: TestFolder): Promise<void> {
  await (await startTestHost({}, folder)).stop()
}

describe("a root key", () => {
  for (const [data, work] of [
    ["that sealed nothing yet", undefined],
    ["that sealed a credential", withStoredSecret],
  ] as const) {
    it(`${data} and is lost is refused at the start, is not replaced, and is accepted once restored`, async () => {
      const folder = await usedFolder(work)
      const file = join(folder.dataDirectory, rootKey)
      await rename(file, `${file}.away`)
      for (let starting = 0; starting < 2; starting += 1) {
        await expect(startTestHost({}, folder)).rejects.toMatchObject({
          code: "ROOT_KEY_MISSING",
          origin: "host",
          nextStep: expect.stringMatching(/backup/),
        })
        expect(await exists(file)).toBe(false)
      }
      await rename(`${file}.away`, file)
      await starts(folder)
    })

    it(`${data} and is replaced is refused at the start`, async () => {
      const folder = await usedFolder(work)
      await writeFile(join(folder.dataDirectory, rootKey), Buffer.alloc(32, 7), { mode: 0o600 })
      await expect(startTestHost({}, folder)).rejects.toMatchObject({ code: "ROOT_KEY_DIFFERS", origin: "host" })
    })
  }

  it("of data that states none is accepted, and stated, where it opens a stored credential", async () => {
    const folder = await usedFolder(withStoredSecret)
    withoutStatement(folder)
    const file = join(folder.dataDirectory, rootKey)
    const right = await readFile(file)
    await rm(file)
    await expect(startTestHost({}, folder)).rejects.toMatchObject({ code: "ROOT_KEY_MISSING" })
    await writeFile(file, Buffer.alloc(32, 7), { mode: 0o600 })
    await expect(startTestHost({}, folder)).rejects.toMatchObject({ code: "ROOT_KEY_DIFFERS" })
    await writeFile(file, right)
    await starts(folder)
    await rm(file)
    await expect(startTestHost({}, folder)).rejects.toMatchObject({ code: "ROOT_KEY_MISSING" })
  })

  it("of data that states none and holds no credential is stated at the next start", async () => {
    const folder = await usedFolder()
    withoutStatement(folder)
    await starts(folder)
    await writeFile(join(folder.dataDirectory, rootKey), Buffer.alloc(32, 7), { mode: 0o600 })
    await expect(startTestHost({}, folder)).rejects.toMatchObject({ code: "ROOT_KEY_DIFFERS" })
  })
})

describe("the key file of the software keystore", () => {
  const refusal = {
    code: "L1_KEYS_REPLACED",
    origin: "host",
    message: expect.stringMatching(/local-keystore .* soft of the tenant acme/),
    nextStep: expect.stringMatching(/keyFile.*backup/),
  }

  it("that is lost while its keys wrap tenant keys is refused at each start, until it is restored", async () => {
    const folder = await usedFolder(withActiveSoftwareKey)
    const file = join(folder.dataDirectory, "local-keystore.key")
    await copyFile(file, `${file}.away`)
    await rm(file)
    await expect(startTestHost({}, folder)).rejects.toMatchObject(refusal)
    await expect(startTestHost({}, folder)).rejects.toMatchObject(refusal)
    await rename(`${file}.away`, file)
    await starts(folder)
  })

  it("that is lost while none of its keys is in use is replaced by a new one", async () => {
    const folder = await usedFolder()
    await rm(join(folder.dataDirectory, "local-keystore.key"))
    await starts(folder)
  })
})
