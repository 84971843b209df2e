import type { tenantVerification } from "@apeiro-cmk/http-api/schemas"
import type * as z from "zod"
import { CliError } from "../cli-error.ts"
import { exitCodes } from "../exit-codes.ts"
import { table } from "../output.ts"

type Verification = z.output<typeof tenantVerification>

/** Makes the error of a verification that failed, with the first next step that helps. */
export function notVerified(tenantId: string, answer: Verification): CliError {
  const { tenant_keys: keys, service_keys: serviceKeys } = answer
  if (keys.length === 0) {
    const next = `Add a keystore and activate it: apeiro-cmk keystore add ${tenantId} FILE`
    return new CliError(exitCodes.notProved, "The tenant has no tenant key yet.", next)
  }
  const tried = [...keys.flatMap(({ wraps }) => wraps), ...serviceKeys]
  const next =
    tried.find(({ opens, next_step }) => !opens && next_step !== undefined)?.next_step ??
    "Ask the keystore's administrator about the wraps above."
  return new CliError(exitCodes.notProved, "Not every key opens.", next)
}

/** Formats a verification, for people. */
export function verificationText(answer: Verification): string {
  const { verified, tenant_keys: keys, service_keys: serviceKeys } = answer
  const rows = keys.flatMap((key) =>
    key.wraps.map((wrap) => [
      `${key.key_id} v${key.version}`,
      key.state,
      `${wrap.l1_key_identity} v${wrap.l1_key_version}`,
      wrap.keystore_id,
      wrap.opens ? "opens" : (wrap.code ?? "does not open"),
      wrap.audit_entry_index === undefined ? wrap.audit_entry_id : `${wrap.audit_entry_index} (${wrap.audit_entry_id})`,
    ]),
  )
  const serviceRows = serviceKeys.map(({ name, version, state, parent, opens, code }) => [
    ...[`${name} v${version}`, state, `${parent.key_id} v${parent.version}`],
    opens ? "opens" : (code ?? "does not open"),
  ])
  const serviceHeading = ["SERVICE KEY", "STATE", "WRAPPED BY L2", "NOW"]
  const heading = ["L2 KEY", "STATE", "WRAPPED BY L1", "KEYSTORE", "NOW", "AUDIT ENTRY"]
  return [
    ...(rows.length === 0 ? [] : [table([heading, ...rows])]),
    ...(serviceRows.length === 0 ? [] : ["", table([serviceHeading, ...serviceRows]), ""]),
    ...(verified ? ["Every wrap opens with its L1, and every service key with its L2."] : []),
  ].join("\n")
}
