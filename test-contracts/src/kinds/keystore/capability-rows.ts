import { type KeystoreManifest, keystoreCapabilities } from "@apeiro-cmk/plugin-interface"
import type { CaseResult } from "../../case-results.ts"

/** Evidence for one ability of a plugin. */
export interface CapabilityRow {
  /** A capability of the manifest, or an ability that every plugin has. */
  readonly ability: string
  readonly outcome: "passed" | "failed" | "not proven" | "unsupported"
  /** How many cases there were, or why the plugin lacks the capability. */
  readonly detail: string
}

const ofEveryPlugin: Readonly<Record<string, string>> = {
  cryptography: "encrypt, decrypt",
  keys: "describeKey",
  calls: "parallel calls, deadlines, cancellation, probe",
  "connection test": "testConnection",
  credentials: "wrong credentials",
  administration: "what the administrator does",
  secrets: "secrecy",
  "secrets in files": "secrets in files go only where they may",
  network: "outages",
}

/** Turns results of the contract into one row for each ability: proven with its cases, or unsupported with its reason. */
export function capabilityRows(
  manifest: KeystoreManifest,
  results: readonly (Pick<CaseResult, "group" | "failure"> & Partial<Pick<CaseResult, "notProven">>)[],
): readonly CapabilityRow[] {
  const rowOf = (group: string, ability: string): readonly CapabilityRow[] => {
    const cases = results.filter((each) => each.group === group)
    if (cases.length === 0) return []
    const lacking = cases.filter(({ notProven = [] }) => notProven.length > 0).length
    const passed = lacking === cases.length ? "not proven" : "passed"
    const outcome = cases.some((each) => each.failure !== undefined) ? "failed" : passed
    const counted = cases.length === 1 ? "1 case" : `${cases.length} cases`
    return [{ ability, outcome, detail: lacking === 0 ? counted : `${counted}, ${lacking} not proven` }]
  }
  const capabilities = keystoreCapabilities.flatMap((capability): readonly CapabilityRow[] => {
    const reason = manifest.unsupported[capability]
    if (reason === undefined) return rowOf(`capability ${capability}`, capability)
    return [{ ability: capability, outcome: "unsupported", detail: reason }]
  })
  return [...Object.entries(ofEveryPlugin).flatMap(([group, ability]) => rowOf(group, ability)), ...capabilities]
}
