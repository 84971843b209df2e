import { verifyExport } from "@apeiro-cmk/audit-log"
import type { HostClient } from "./host-client.ts"
import { objects } from "./values.ts"
import { waitFor } from "./wait-for.ts"

/** Reads a tenant's whole audit log, once no entry waits for its place. */
export function wholeAudit(client: HostClient, tenant: string): Promise<readonly Record<string, unknown>[]> {
  return wholeLog(client, `/v1/tenants/${tenant}/audit`)
}

/** Reads the platform's whole audit log, once no entry waits for its place. */
export function wholePlatformAudit(client: HostClient): Promise<readonly Record<string, unknown>[]> {
  return wholeLog(client, "/v1/platform/audit")
}

async function wholeLog(client: HostClient, path: string): Promise<readonly Record<string, unknown>[]> {
  return waitFor("nothing waits", async () => {
    const all: Record<string, unknown>[] = []
    for (let from = 0; ; ) {
      const page = await client.expect(200, "GET", `${path}/entries?from=${from}&limit=1000`)
      all.push(...objects(page.entries))
      from = Number(page.next)
      if (from >= Number(page.size)) return page.waiting === 0 ? all : undefined
    }
  })
}

/** Verifies a tenant's log as an auditor does, from its export. @returns the number of proven entries */
export async function verifiedSize(client: HostClient, tenant: string): Promise<number> {
  const exported = await client.send("GET", `/v1/tenants/${tenant}/audit/export`)
  return (await verifyExport(linesOf(exported.text))).size
}

async function* linesOf(exported: string): AsyncGenerator<string> {
  yield* exported.trim().split("\n")
}
