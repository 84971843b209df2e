import type { KeystoreRevision } from "@apeiro-cmk/keystore-manager"
import { callerError } from "../errors.ts"

/** Writes the ETag of a state; it is opaque to callers. */
export function etagOf({ revision, createdAtMs }: KeystoreRevision): string {
  return `"${createdAtMs.toString(36)}-${revision}"`
}

/**
 * Compares `If-Match` (RFC 9110 §13.1.1, strong comparison) with the stored state.
 *
 * @returns the state to change
 * @throws {HttpApiError} PRECONDITION_REQUIRED - the header is missing
 * @throws {HttpApiError} REVISION_MISMATCH - it names other states
 */
export function matchedRevision(ifMatch: string | undefined, stored: KeystoreRevision): KeystoreRevision {
  if (ifMatch === undefined || ifMatch.trim() === "") {
    throw callerError(
      "PRECONDITION_REQUIRED",
      "A change must say which revision it changes.",
      "Read the keystore, and send its ETag in the header `If-Match`.",
    )
  }
  const wanted = ifMatch.split(",").map((tag) => tag.trim())
  if (wanted.includes("*") || wanted.includes(etagOf(stored))) return stored
  throw callerError(
    "REVISION_MISMATCH",
    "The keystore was changed after you read it, or removed and added again.",
    "Read it again, and apply your change to the present state.",
  )
}
