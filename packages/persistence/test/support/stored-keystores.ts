import type { Database } from "../../src/index.ts"
import { activation, keystore, sealed, tenant, tenantKey } from "./samples.ts"
import { openTemporaryDatabase } from "./temporary-database.ts"

/** A database with the tenants acme and globex. */
export async function withTenants(): Promise<Database> {
  const database = await openTemporaryDatabase()
  await database.tenants.insertTenant(tenant(), [])
  await database.tenants.insertTenant(tenant({ tenantId: "globex" }), [])
  return database
}

/** The same, with the sample keystore, its credential, and its activation. */
export async function withActiveKeystore() {
  const database = await withTenants()
  await database.keystores.insertKeystore(keystore(), [sealed()], [])
  const key = tenantKey()
  await database.keystores.activateKeystore(activation({ tenantKey: key }), [])
  return { database, key }
}
