import type { Database } from "../../src/index.ts"
import { openTestDatabase, type TestEngine } from "./engines.ts"
import { activation, keystore, sealed, tenant, tenantKey } from "./samples.ts"

/** Opens a database with the tenants acme and globex. */
export async function withTenants(engine: TestEngine): Promise<Database> {
  const database = await openTestDatabase(engine)
  await database.tenants.insertTenant(tenant(), [])
  await database.tenants.insertTenant(tenant({ tenantId: "globex" }), [])
  return database
}

/** Opens a database with the two tenants, and the sample keystore activated with its credential. */
export async function withActiveKeystore(engine: TestEngine) {
  const database = await withTenants(engine)
  await database.keystores.insertKeystore(keystore(), [sealed()], [])
  const key = tenantKey()
  await database.keystores.activateKeystore(activation({ tenantKey: key }), [])
  return { database, key }
}
