import { CodedError } from "@apeiro-cmk/plugin-interface"

/**
 * - `AUDIT_UNAVAILABLE` - an entry could not be made durable: whatever it tells of must not be answered.
 * - `AUDIT_LEAF_INVALID` - an event or a leaf that breaks the format of docs/audit-format.md.
 * - `AUDIT_LOG_INCONSISTENT` - a stored log contradicts itself: its size does not fit its subtrees.
 * - `AUDIT_EXPORT_INVALID` - an exported log that was altered, shortened or put together from others.
 */
export type AuditErrorCode =
  | "AUDIT_UNAVAILABLE"
  | "AUDIT_LEAF_INVALID"
  | "AUDIT_LOG_INCONSISTENT"
  | "AUDIT_EXPORT_INVALID"

/** The only error that this package throws. */
export class AuditError extends CodedError<AuditErrorCode> {}

export function auditUnavailable(message: string, cause?: unknown): AuditError {
  return new AuditError("AUDIT_UNAVAILABLE", message, {
    origin: "host",
    retryable: true,
    nextStep: "Nothing is served without its audit entry: look at the host's database (disk space, connection).",
    ...(cause === undefined ? {} : { cause }),
  })
}

export function leafInvalid(message: string, cause?: unknown): AuditError {
  return new AuditError("AUDIT_LEAF_INVALID", message, {
    origin: "host",
    retryable: false,
    nextStep:
      "Compare the entry with docs/audit-format.md; a stored entry that breaks it was not written by this host.",
    ...(cause === undefined ? {} : { cause }),
  })
}

export function logInconsistent(message: string): AuditError {
  return new AuditError("AUDIT_LOG_INCONSISTENT", message, {
    origin: "host",
    retryable: false,
    nextStep: "The stored audit log was damaged or altered: keep the database as evidence and restore a backup.",
  })
}

export function exportInvalid(message: string, cause?: unknown): AuditError {
  return new AuditError("AUDIT_EXPORT_INVALID", message, {
    origin: "caller",
    retryable: false,
    nextStep: "Do not rely on this file: export the log again and compare both with a root that you kept earlier.",
    ...(cause === undefined ? {} : { cause }),
  })
}
