import { setTimeout as delay } from "node:timers/promises"
import { percentile } from "@apeiro-cmk/bench"
import type { HostProcess } from "./host-process.ts"
import { healthyTenant, type TenantAccess } from "./tenants.ts"

/** The healthy tenant's work, all at once and at a constant rate. */
const operations = {
  "data keys": { everyMs: 20, method: "POST", path: "service-keys/orders/data-keys", role: "workload" },
  "unsaved tests": { everyMs: 400, method: "POST", path: "keystores/test", role: "administrator" },
  lists: { everyMs: 100, method: "GET", path: "service-keys", role: "reader" },
} as const

/** Name of an operation. An unsaved test logs in each time. */
export type HealthyOperation = keyof typeof operations

/** Names of the operations. */
export const healthyOperations = Object.keys(operations) as readonly HealthyOperation[]

/** Outcomes of one operation, as the healthy tenant saw them. */
export interface Seen {
  readonly requests: number
  /** Answers other than the expected, and requests without any. */
  readonly failures: number
  readonly p99Ms: number
}

const longestMs = 20_000

/** Runs the healthy tenant's operations for some time. A request that is still waiting at the end is waited for. */
export async function healthyLoad(
  host: HostProcess,
  access: TenantAccess,
  seconds: number,
): Promise<Readonly<Record<HealthyOperation, Seen>>> {
  const seen = await Promise.all(
    healthyOperations.map(async (name) => [name, await constantRate(host, access, name, seconds)] as const),
  )
  return Object.fromEntries(seen) as Record<HealthyOperation, Seen>
}

async function constantRate(
  host: HostProcess,
  access: TenantAccess,
  name: HealthyOperation,
  seconds: number,
): Promise<Seen> {
  const { everyMs } = operations[name]
  const count = Math.floor((seconds * 1000) / everyMs)
  const startMs = performance.now()
  const latenciesMs: number[] = []
  let failures = 0
  const one = async (dueMs: number) => {
    // From when it was due: a host that stands still delays those behind as well.
    if (!(await succeeds(host, access, name))) failures += 1
    latenciesMs.push(performance.now() - dueMs)
  }
  const sent: Promise<void>[] = []
  for (let index = 0; index < count; index += 1) {
    const dueMs = startMs + index * everyMs
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await delay(waitMs)
    sent.push(one(Math.max(dueMs, performance.now())))
  }
  await Promise.all(sent)
  return { requests: count, failures, p99Ms: percentile(latenciesMs, 0.99) }
}

async function succeeds(host: HostProcess, access: TenantAccess, name: HealthyOperation): Promise<boolean> {
  const { method, path, role } = operations[name]
  const body = name === "unsaved tests" ? JSON.stringify(access.keystore) : method === "POST" ? "{}" : undefined
  try {
    const response = await fetch(`${host.url}/v1/tenants/${healthyTenant}/${path}`, {
      method,
      headers: { authorization: `Bearer ${access[role]}`, "content-type": "application/json" },
      signal: AbortSignal.timeout(longestMs),
      ...(body === undefined ? {} : { body }),
    })
    const text = await response.text()
    return response.status === 200 && !text.includes('"outcome":"failed"')
  } catch {
    return false // counted: no answer is a failure of the host
  }
}
