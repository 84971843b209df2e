/**
 * Writes to a database until it is killed. Arguments: the URL, and a name that keeps the ids of several runs apart.
 * Prints each write once it was answered: `batch ID` for three audit entries appended together, `tenant ID` for a
 * tenant with its audit entry, `log SIZE` for an integration.
 */
import { writeSync } from "node:fs"
import { openDatabase } from "../../src/index.ts"
import { auditEntry, integration, tenant } from "./samples.ts"

const [, , url = "", run = ""] = process.argv
const database = await openDatabase({ url })
const fence = await database.auditLog.takeFence(run)

/** Writes synchronously: an answer that the pipe has not taken when the process dies was never given. */
function answer(line: string): void {
  writeSync(1, `${line}\n`)
}

function entry(id: string, tenantId: string) {
  return auditEntry({ entryId: id, tenantId, leaf: new TextEncoder().encode(id) })
}

async function appendBatches(writer: number): Promise<never> {
  for (let count = 0; ; count += 1) {
    const id = `${run}-${writer}-${count}`
    await database.auditIntake.append(["a", "b", "c"].map((part) => entry(`${id}-${part}`, "batches")))
    answer(`batch ${id}`)
  }
}

async function insertTenants(writer: number): Promise<never> {
  for (let count = 0; ; count += 1) {
    const tenantId = `tenant-${run}-${writer}-${count}`
    await database.tenants.insertTenant(tenant({ tenantId }), [entry(`${tenantId}-audit`, "tenants")])
    answer(`tenant ${tenantId}`)
  }
}

async function integrate(): Promise<never> {
  for (;;) {
    await database.auditLog.integrate(fence, 50, integration)
    answer(`log ${(await database.auditLog.head("batches")).size}`)
  }
}

await Promise.all([
  appendBatches(1),
  appendBatches(2),
  appendBatches(3),
  insertTenants(1),
  insertTenants(2),
  integrate(),
])
