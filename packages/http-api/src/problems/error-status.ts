import type { AccessErrorCode } from "@apeiro-cmk/access"
import type { AuditErrorCode } from "@apeiro-cmk/audit-log"
import type { CredentialStoreErrorCode } from "@apeiro-cmk/credential-store"
import type { HostRuntimeErrorCode } from "@apeiro-cmk/host-runtime"
import type { KeyHierarchyErrorCode } from "@apeiro-cmk/key-hierarchy"
import type { KeystoreManagerErrorCode } from "@apeiro-cmk/keystore-manager"
import type { PersistenceErrorCode } from "@apeiro-cmk/persistence"
import { isPluginErrorCode, type PluginErrorCode, pluginErrorCodes } from "@apeiro-cmk/plugin-interface"
import type { HttpApiErrorCode } from "../errors.ts"
import { statusOfPluginError } from "./plugin-error-status.ts"

/** Every code of every package below the host: the table states the status that each would have in an answer. */
export type ApiErrorCode =
  | PluginErrorCode
  | AuditErrorCode
  | KeyHierarchyErrorCode
  | CredentialStoreErrorCode
  | KeystoreManagerErrorCode
  | PersistenceErrorCode
  | HostRuntimeErrorCode
  | HttpApiErrorCode
  | AccessErrorCode

/** HTTP status of each code that is not a plugin's. 4xx: the caller can fix it. */
const statusByCode = {
  CONFIGURATION_INVALID: 400,
  PLUGIN_TYPE_UNKNOWN: 400,
  SERVICE_KEY_NAME_INVALID: 400,

  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,

  ROUTE_NOT_FOUND: 404,
  TENANT_NOT_FOUND: 404,
  TOKEN_NOT_FOUND: 404,
  KEYSTORE_NOT_FOUND: 404,
  SERVICE_KEY_NOT_FOUND: 404,
  CLAIM_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,

  REQUEST_INCOMPLETE: 408,

  TENANT_EXISTS: 409,
  KEYSTORE_EXISTS: 409,
  SERVICE_KEY_EXISTS: 409,
  ALREADY_EXISTS: 409,
  CONNECTION_TEST_FAILED: 409,
  L1_ALREADY_CLAIMED: 409,
  L1_CLAIMED: 409,
  CLAIM_NOT_CONTESTED: 409,
  CLAIM_HELD: 409,
  CLAIM_UNPROVEN: 409,
  ANOTHER_KEYSTORE_ACTIVE: 409,
  OPERATION_BUDGET_TOO_SMALL: 409,
  KEYSTORE_IN_USE: 409,
  KEYSTORE_NOT_ACTIVE: 409,
  KEYSTORE_ACTIVE: 409,
  STILL_IN_USE: 409,
  QUOTA_EXCEEDED: 409,
  IDENTITY_FIELD_FIXED: 409,
  TENANT_KEY_MISSING: 409,
  KEY_STATE_FORBIDS: 409,
  VERIFICATION_RUNNING: 409,
  IDEMPOTENCY_IN_PROGRESS: 409,

  REVISION_MISMATCH: 412,
  STALE_REVISION: 412,
  BODY_TOO_LARGE: 413,
  CONTENT_TYPE_UNSUPPORTED: 415,
  IDEMPOTENCY_KEY_REUSED: 422,
  PRECONDITION_REQUIRED: 428,
  AUDIT_QUEUE_FULL: 429,
  TOO_MANY_REQUESTS: 429,
  IDEMPOTENCY_KEYS_EXHAUSTED: 429,
  HEADERS_TOO_LARGE: 431,

  AUDIT_LOG_INCONSISTENT: 500,
  SERVICE_KEY_UNREADABLE: 500,
  KEY_EXPORT_INVALID: 500,
  DATABASE_FAULT: 500,
  DATABASE_URL_INVALID: 500,
  PROFILE_INVALID: 500,
  SECRET_REFERENCE_UNRESOLVED: 500,
  PLUGIN_PACKAGE_NOT_FOUND: 500,
  PLUGIN_DEPENDENCY_MISSING: 500,
  PLUGIN_EXPORT_MISSING: 500,
  PLUGIN_IMPORT_FAILED: 500,
  PLUGIN_MANIFEST_MISMATCH: 500,
  PLUGIN_CONTRACT_UNSUPPORTED: 500,
  PLUGIN_CONFIG_INVALID: 500,
  PLUGIN_CARDINALITY: 500,
  PLUGIN_NOT_FOR_PRODUCTION: 500,
  PLUGIN_ISOLATION_UNSUPPORTED: 500,
  PLUGIN_START_FAILED: 500,
  PLUGIN_STOP_FAILED: 500,
  AUDIT_EXPORT_INVALID: 500,
  AUDIT_LEAF_INVALID: 500,
  CREDENTIAL_NOT_FOUND: 500,
  CREDENTIAL_UNREADABLE: 500,
  ROOT_KEY_INVALID: 500,
  ROOT_KEY_EXPOSED: 500,
  DATABASE_CORRUPT: 500,
  SCHEMA_NEWER: 500,
  PORT_IN_USE: 500,
  LISTEN_FAILED: 500,
  ADMINISTRATOR_TOKEN_INVALID: 500,
  ADMINISTRATOR_TOKEN_EXPOSED: 500,

  TENANT_KEY_UNREADABLE: 502,

  AUDIT_UNAVAILABLE: 503,
  LEASE_ENDED: 503,
  DATABASE_IN_USE: 503,
  DATABASE_FULL: 503,
  DATABASE_READ_ONLY: 503,
  DATABASE_UNAVAILABLE: 503,
  DATABASE_COMMIT_UNCERTAIN: 503,
  DATABASE_BUSY: 503,
  DATABASE_ACCESS_DENIED: 503,
  SHUTTING_DOWN: 503,
} as const satisfies Record<Exclude<ApiErrorCode, PluginErrorCode>, number>

/** Every code that an answer may carry. */
export const apiErrorCodes: readonly string[] = [...Object.keys(statusByCode), ...pluginErrorCodes]

/** Tells whether an answer may carry a code. */
export function isApiErrorCode(code: string): code is ApiErrorCode {
  return isPluginErrorCode(code) || isOtherCode(code)
}

/** Finds the HTTP status of a code; 500 for one that no answer should carry. */
export function statusOfCode(code: string): number {
  if (isPluginErrorCode(code)) return statusOfPluginError(code)
  return isOtherCode(code) ? statusByCode[code] : 500
}

function isOtherCode(code: string): code is keyof typeof statusByCode {
  return Object.hasOwn(statusByCode, code)
}
