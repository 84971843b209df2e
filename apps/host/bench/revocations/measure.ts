import { setTimeout as delay } from "node:timers/promises"
import { type OpenBaoAdmin, startOpenBao, startPostgres } from "@apeiro-cmk/test-backends"
import { thisCheckout } from "../fairness/earlier-checkout.ts"
import { startHostProcess } from "../fairness/host-process.ts"
import { allowKey, forbidKey, prepareOpenBao, prepareTenant } from "../fairness/tenants.ts"
import { DataKeyClient } from "./data-key-client.ts"
import { type FaultName, faults } from "./faults.ts"

/** The shortest lease that a tenant may have. */
export const leaseMs = 2_000

/** Measurements under one fault. */
export interface FaultResult {
  readonly fault: FaultName
  readonly revocations: number
  readonly answers: number
  /** The latest data key after any revocation, in milliseconds after the keystore had confirmed it. */
  readonly latestMs: number
  /** Counts the data keys that came later than lease and overrun after a revocation. */
  readonly answersAfterBound: (overrunMs: number) => number
}

/** Size of a measurement. */
export interface MeasureFaultOptions {
  readonly rounds: number
  readonly tenants: number
  readonly progress: (line: string) => void
}

interface Tenant {
  readonly key: string
  readonly clients: readonly DataKeyClient[]
}

/** Revokes every tenant's key under one fault, again and again, on a host with PostgreSQL. */
export async function measureFault(fault: FaultName, options: MeasureFaultOptions): Promise<FaultResult> {
  const openBao = await startOpenBao()
  const postgres = await startPostgres({ durable: true })
  const databaseUrl = await postgres.createDatabase()
  await prepareOpenBao(openBao.admin)
  const host = await startHostProcess(thisCheckout, { openBaoPort: openBao.port, withNames: false, databaseUrl })
  const server = { name: "127.0.0.1", port: openBao.port }
  const tenants: Tenant[] = []
  try {
    for (let index = 0; index < options.tenants; index += 1) {
      const tenant = `tenant-${index}`
      const { workload, key } = await prepareTenant(host, tenant, openBao.admin, server)
      tenants.push({ key, clients: [1, 2].map(() => new DataKeyClient(host.url, tenant, workload)) })
    }
    const scene = { host, postgres, database: new URL(databaseUrl).pathname.slice(1) }
    const latenessMs: number[] = []
    for (let round = 1; round <= options.rounds; round += 1) {
      options.progress(`round ${round} of ${options.rounds}`)
      const revokedAtMs = new Map<Tenant, number>()
      await faults[fault].run(scene, () => revokeAll(openBao.admin, tenants, revokedAtMs))
      // Two leases, so that an answer that is too late is seen.
      await delay(2 * leaseMs)
      for (const [{ clients }, atMs] of revokedAtMs) {
        latenessMs.push(...clients.flatMap((client) => client.answersAfter(atMs)))
      }
      await restoreAll(openBao.admin, tenants)
    }
    const answers = tenants.reduce((sum, { clients }) => sum + clients.reduce((all, one) => all + one.answers, 0), 0)
    return {
      ...{ fault, revocations: options.rounds * options.tenants, answers, latestMs: Math.max(0, ...latenessMs) },
      answersAfterBound: (overrunMs) => latenessMs.filter((lateMs) => lateMs > leaseMs + overrunMs).length,
    }
  } finally {
    for (const { clients } of tenants) for (const client of clients) client.stop()
    await host.stop()
    await postgres.stop()
    await openBao.stop()
  }
}

/** At slightly different moments of their leases: each tenant renews on its own. */
async function revokeAll(
  admin: OpenBaoAdmin,
  tenants: readonly Tenant[],
  revokedAtMs: Map<Tenant, number>,
): Promise<void> {
  for (const tenant of tenants) {
    await forbidKey(admin, tenant.key)
    revokedAtMs.set(tenant, performance.now())
  }
}

const servedAgainWithinMs = 30_000

async function restoreAll(admin: OpenBaoAdmin, tenants: readonly Tenant[]): Promise<void> {
  for (const { key } of tenants) await allowKey(admin, key)
  const giveUpAtMs = performance.now() + servedAgainWithinMs
  const restoredAtMs = performance.now()
  for (const { key, clients } of tenants) {
    while (clients.some((client) => client.answersAfter(restoredAtMs).length === 0)) {
      if (performance.now() > giveUpAtMs) throw new Error(`no data key for ${key} after its revocation was undone`)
      await delay(50)
    }
  }
}
