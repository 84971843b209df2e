import type { PlatformKeystoreRecord } from "@apeiro-cmk/keystore-manager"
import { describe, expect, it } from "vitest"
import { testEngines } from "./support/engines.ts"
import { atMs, tenant } from "./support/samples.ts"

const engines = await testEngines()

const failed: PlatformKeystoreRecord = {
  tenantId: "acme",
  keystoreId: "platform",
  pluginType: "openbao",
  state: "failed",
  failure: {
    code: "CREDENTIAL_REJECTED",
    origin: "backend",
    message: "OpenBao refuses the token.",
    nextStep: "Renew the token of the platform.",
  },
  requestedBy: { type: "administrator", id: "administrator" },
  requestedAtMs: atMs,
  updatedAtMs: atMs + 1,
}

describe.each(engines)("platform keystores on $name", (engine) => {
  it("read the origin of a failure as backend where an earlier version stored keystore", async () => {
    const { open, sql } = await engine.createDatabase()
    const database = await open()
    await database.tenants.insertTenant(tenant(), [])
    await database.platformKeystores.insertPlatformKeystore(failed, [])
    await database.close()

    await sql(`update platform_keystores set failure = replace(failure, '"backend"', '"keystore"')`)
    expect(await sql("select failure from platform_keystores")).toEqual([
      { failure: expect.stringContaining('"origin":"keystore"') },
    ])

    const { platformKeystores } = await open()
    expect(await platformKeystores.platformKeystores()).toEqual([failed])
  })

  it("refuse a stored failure with an unknown origin: DATABASE_CORRUPT", async () => {
    const { open, sql } = await engine.createDatabase()
    const database = await open()
    await database.tenants.insertTenant(tenant(), [])
    await database.platformKeystores.insertPlatformKeystore(failed, [])
    await database.close()

    await sql(`update platform_keystores set failure = replace(failure, '"backend"', '"moon"')`)

    const { platformKeystores } = await open()
    await expect(platformKeystores.platformKeystores()).rejects.toMatchObject({
      code: "DATABASE_CORRUPT",
      message: expect.stringContaining("platform_keystores.failure"),
    })
  })
})
