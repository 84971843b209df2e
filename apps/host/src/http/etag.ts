import { callerError } from "../errors.ts"

/** The ETag of a revision. */
export function etagOf(revision: number): string {
  return `"${revision}"`
}

/**
 * Checks `If-Match` (RFC 9110 §13.1.1, strong comparison) against what is stored.
 *
 * @returns the revision to change
 * @throws {HostError} PRECONDITION_REQUIRED - the header is missing
 * @throws {HostError} REVISION_MISMATCH - it names other revisions
 */
export function matchedRevision(ifMatch: string | undefined, revision: number): number {
  if (ifMatch === undefined || ifMatch.trim() === "") {
    throw callerError(
      "PRECONDITION_REQUIRED",
      "A change must say which revision it changes.",
      "Read the keystore, and send its ETag in the header `If-Match`.",
    )
  }
  const wanted = ifMatch.split(",").map((tag) => tag.trim())
  if (wanted.includes("*") || wanted.includes(etagOf(revision))) return revision
  throw callerError(
    "REVISION_MISMATCH",
    "It was changed since you read it.",
    "Read it again, and apply the change to what is there now.",
  )
}
