import type { ErrorOrigin, PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { type Fault, retryAfterSeconds } from "../fault-proxy/fault-modes.ts"

/** The error with which a call must reject under a fault. */
export interface ExpectedOutcome {
  readonly code: PluginErrorCode
  /** Absent for a time-out: the reason is the caller's own. */
  readonly origin?: ErrorOrigin
  readonly retryAfterMs?: number
}

const lost: ExpectedOutcome = { code: "UNREACHABLE", origin: "network" }
const late: ExpectedOutcome = { code: "TIMED_OUT" }

/** One row for each fault: the same for every plugin. */
export const expectedOutcomes: Readonly<Record<Fault, ExpectedOutcome>> = {
  refuse: lost,
  reset: lost,
  resetMidway: lost,
  halfClose: lost,
  foreignAuthority: lost,
  expiredCertificate: lost,
  blackHole: late,
  trickle: late,
  slow: late,
  wrongJson: { code: "BAD_RESPONSE", origin: "backend" },
  throttled: { code: "THROTTLED", origin: "backend", retryAfterMs: retryAfterSeconds * 1000 },
  serverError: { code: "UNREACHABLE", origin: "backend" },
}

/** Every fault, in the order of the table. */
export const faults: readonly Fault[] = [
  "refuse",
  "reset",
  "resetMidway",
  "halfClose",
  "blackHole",
  "trickle",
  "slow",
  "foreignAuthority",
  "expiredCertificate",
  "wrongJson",
  "throttled",
  "serverError",
]
