import { type CustodyMeaning, errorMeanings } from "@apeiro-cmk/key-hierarchy"
import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"

/** Codes that the table of meanings leaves open: they are about the call, not about the key. */
type CodeAboutTheCall = {
  [Code in PluginErrorCode]: (typeof errorMeanings)[Code]["custody"] extends "says-nothing" ? Code : never
}[PluginErrorCode]

/**
 * HTTP status of a keystore's failure, by its meaning for custody: 502 is an unusable answer, 503 one that time or an
 * operator may fix. Only the caller sends what can be rejected as a wrap.
 */
const statusByCustody: Readonly<Record<Exclude<CustodyMeaning, "says-nothing">, number>> = {
  denied: 502,
  "credential-rejected": 502,
  mismatch: 502,
  unusable: 502,
  sealed: 503,
  unavailable: 503,
  "wrap-rejected": 400,
}

const ownStatus: Readonly<Record<CodeAboutTheCall | "TIMED_OUT", number>> = {
  INVALID_REQUEST: 400,
  NOT_FOUND: 404,
  APPROVAL_PENDING: 409,
  INTERNAL: 500,
  UNSUPPORTED: 501,
  CANCELLED: 503,
  TIMED_OUT: 504,
}

/** Finds the HTTP status of an error of a plugin. */
export function statusOfPluginError(code: PluginErrorCode): number {
  if (hasOwnStatus(code)) return ownStatus[code]
  const { custody } = errorMeanings[code]
  return statusByCustody[custody]
}

function hasOwnStatus(code: PluginErrorCode): code is keyof typeof ownStatus {
  return Object.hasOwn(ownStatus, code)
}
