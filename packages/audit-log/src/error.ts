import { CodedError } from "@apeiro-cmk/plugin-interface"

/**
 * Codes of {@link AuditError}:
 *
 * - `AUDIT_UNAVAILABLE` - an entry could not be made durable: the operation that it records must not be answered.
 * - `AUDIT_QUEUE_FULL` - too many entries wait, and this tenant has the most of them. What AUDIT_UNAVAILABLE says holds, and
 *   the database may be well.
 * - `AUDIT_LEAF_INVALID` - an event or a leaf violates the format of docs/audit-format.md.
 * - `AUDIT_LOG_INCONSISTENT` - a stored log contradicts itself: its size does not match its subtrees.
 * - `AUDIT_EXPORT_INVALID` - an exported log was altered, shortened or assembled from others.
 */
export type AuditErrorCode =
  | "AUDIT_UNAVAILABLE"
  | "AUDIT_QUEUE_FULL"
  | "AUDIT_LEAF_INVALID"
  | "AUDIT_LOG_INCONSISTENT"
  | "AUDIT_EXPORT_INVALID"

/** The only error that this package throws. */
export class AuditError extends CodedError<AuditErrorCode> {}

/** Makes an AUDIT_UNAVAILABLE error. */
export function auditUnavailable(message: string, cause?: unknown): AuditError {
  return new AuditError("AUDIT_UNAVAILABLE", message, {
    origin: "host",
    retryable: true,
    nextStep: "Nothing is served without its audit entry: check the host's database (disk space, connection).",
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Makes an AUDIT_QUEUE_FULL error. */
export function auditQueueFull(): AuditError {
  return new AuditError("AUDIT_QUEUE_FULL", "Too many audit entries of this tenant wait for the database.", {
    origin: "caller",
    retryable: true,
    nextStep: "Send fewer requests at once, and try again; nothing is served without its audit entry.",
    retryAfterMs: 1000,
  })
}

/** Makes an AUDIT_LEAF_INVALID error. */
export function leafInvalid(message: string, cause?: unknown): AuditError {
  return new AuditError("AUDIT_LEAF_INVALID", message, {
    origin: "host",
    retryable: false,
    nextStep: "Compare the entry with docs/audit-format.md; this host never writes an entry that violates it.",
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Makes an AUDIT_LOG_INCONSISTENT error. */
export function logInconsistent(message: string): AuditError {
  return new AuditError("AUDIT_LOG_INCONSISTENT", message, {
    origin: "host",
    retryable: false,
    nextStep: "The stored audit log was damaged or altered: keep the database as evidence and restore a backup.",
  })
}

/** Makes an AUDIT_EXPORT_INVALID error. */
export function exportInvalid(message: string, cause?: unknown): AuditError {
  return new AuditError("AUDIT_EXPORT_INVALID", message, {
    origin: "caller",
    retryable: false,
    nextStep: "Do not rely on this file: export the log again, and compare both with a root that you kept earlier.",
    ...(cause === undefined ? {} : { cause }),
  })
}
