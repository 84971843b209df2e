import { median, processUsage } from "@apeiro-cmk/bench"
import type { OpenBaoAdmin } from "@apeiro-cmk/test-backends"
import { type AttackName, attacks } from "./attacks.ts"
import type { Checkout } from "./earlier-checkout.ts"
import { type HealthyOperation, healthyLoad, healthyOperations, type Seen } from "./healthy-load.ts"
import { type HostProcess, startHostProcess } from "./host-process.ts"
import { startAttack } from "./hostile-process.ts"
import {
  fillHostileTenant,
  healthyServer,
  healthyTenant,
  hostileTenant,
  prepareTenant,
  type TenantAccess,
} from "./tenants.ts"

/** Outcomes of one operation beside one attack, and before it. */
export interface MeasuredRow {
  readonly checkout: string
  readonly attack: AttackName
  readonly operation: HealthyOperation
  /** Medians of the rounds. */
  readonly quietP99Ms: number
  readonly p99Ms: number
  readonly failures: number
  readonly requests: number
  /** Resident memory of the host, the largest value seen at the end of a round. */
  readonly residentBytes: number
}

/** Options of {@link measureRows}. */
export interface MeasureRowsOptions {
  readonly checkout: Checkout
  readonly names: readonly AttackName[]
  readonly withNames: boolean
  readonly admin: OpenBaoAdmin
  readonly openBaoPort: number
  readonly seconds: number
  readonly rounds: number
  readonly progress: (line: string) => void
}

interface Round {
  readonly quiet: Readonly<Record<HealthyOperation, Seen>>
  readonly beside: Readonly<Record<HealthyOperation, Seen>>
  readonly residentBytes: number
}

interface Tenants {
  readonly healthy: TenantAccess
  readonly hostile: TenantAccess
}

/** Measures every row on a host of its own, each round alone and then beside the attack. */
export async function measureRows(options: MeasureRowsOptions): Promise<readonly MeasuredRow[]> {
  const { checkout, names, rounds, progress } = options
  const measured: MeasuredRow[] = []
  for (const name of names) {
    const seen: Round[] = []
    // What an attack leaves behind must not be charged to the next one: each has a fresh host.
    const host = await startHostProcess(checkout, { ...options, openBaoPorts: [options.openBaoPort] })
    try {
      const tenants = await prepare(host, "needsFilling" in attacks[name], options)
      for (let round = 1; round <= rounds; round += 1) {
        progress(`${attacks[name].title}: round ${round} of ${rounds}`)
        seen.push(await measureRound(host, tenants, name, options))
      }
    } finally {
      await host.stop()
    }
    measured.push(...healthyOperations.map((operation) => rowOf(checkout.name, name, operation, seen)))
  }
  return measured
}

/** Until the host's code is compiled for its work: its first seconds are slower than any attack makes the others. */
const warmUpSeconds = 6

async function prepare(host: HostProcess, isFilled: boolean, options: MeasureRowsOptions): Promise<Tenants> {
  const { admin, openBaoPort, withNames, progress } = options
  const server = healthyServer(openBaoPort, withNames)
  const healthy = await prepareTenant(host, healthyTenant, admin, server)
  const hostile = await prepareTenant(host, hostileTenant, admin, server)
  if (isFilled) progress(await fillHostileTenant(host))
  await healthyLoad(host, healthy, warmUpSeconds)
  return { healthy, hostile }
}

const headStartMs = 500

async function measureRound(
  host: HostProcess,
  { healthy, hostile }: Tenants,
  attack: AttackName,
  { seconds }: MeasureRowsOptions,
): Promise<Round> {
  const quiet = await healthyLoad(host, healthy, seconds)
  const running = await startAttack({ attack, url: host.url, access: hostile })
  try {
    await new Promise((resolve) => setTimeout(resolve, headStartMs))
    const beside = await healthyLoad(host, healthy, seconds)
    return { quiet, beside, residentBytes: processUsage([host.processId]).residentBytes }
  } finally {
    await running.stop()
  }
}

function rowOf(
  checkout: string,
  attack: AttackName,
  operation: HealthyOperation,
  rounds: readonly Round[],
): MeasuredRow {
  const sum = (figure: (seen: Seen) => number) => rounds.reduce((all, { beside }) => all + figure(beside[operation]), 0)
  return {
    ...{ checkout, attack, operation },
    quietP99Ms: median(rounds.map(({ quiet }) => quiet[operation].p99Ms)),
    p99Ms: median(rounds.map(({ beside }) => beside[operation].p99Ms)),
    failures: sum(({ failures }) => failures),
    requests: sum(({ requests }) => requests),
    residentBytes: Math.max(...rounds.map(({ residentBytes }) => residentBytes)),
  }
}
