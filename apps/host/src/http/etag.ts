import { callerError } from "../errors.ts"

/** What tells one state of a resource from every other, also from those of one that had its name before. */
export interface Revised {
  /** Grows with each change. */
  readonly revision: number
  /** When it was added: one that was removed and added again begins with the same revisions. */
  readonly createdAtMs: number
}

/** The ETag of a state; callers must not read it. */
export function etagOf({ revision, createdAtMs }: Revised): string {
  return `"${createdAtMs.toString(36)}-${revision}"`
}

/**
 * Checks `If-Match` (RFC 9110 §13.1.1, strong comparison) against what is stored.
 *
 * @returns the revision to change
 * @throws {HostError} PRECONDITION_REQUIRED - the header is missing
 * @throws {HostError} REVISION_MISMATCH - it names other states
 */
export function matchedRevision(ifMatch: string | undefined, stored: Revised): number {
  if (ifMatch === undefined || ifMatch.trim() === "") {
    throw callerError(
      "PRECONDITION_REQUIRED",
      "A change must say which revision it changes.",
      "Read the keystore, and send its ETag in the header `If-Match`.",
    )
  }
  const wanted = ifMatch.split(",").map((tag) => tag.trim())
  if (wanted.includes("*") || wanted.includes(etagOf(stored))) return stored.revision
  throw callerError(
    "REVISION_MISMATCH",
    "It was changed since you read it, or removed and added again.",
    "Read it again, and apply the change to what is there now.",
  )
}
