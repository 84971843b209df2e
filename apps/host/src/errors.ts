import { CodedError, type ConfigurationIssue, type ErrorFacts } from "@apeiro-cmk/plugin-interface"

/** What the host itself refuses, beside the errors of the packages that it composes. */
export type HostErrorCode =
  | "INVALID_REQUEST"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "ROUTE_NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "BODY_TOO_LARGE"
  | "HEADERS_TOO_LARGE"
  | "REQUEST_INCOMPLETE"
  | "CONTENT_TYPE_UNSUPPORTED"
  | "TENANT_NOT_FOUND"
  | "TENANT_EXISTS"
  | "TOKEN_NOT_FOUND"
  | "SERVICE_KEY_EXISTS"
  | "PRECONDITION_REQUIRED"
  | "REVISION_MISMATCH"
  | "IDEMPOTENCY_KEY_REUSED"
  | "IDEMPOTENCY_IN_PROGRESS"
  | "SHUTTING_DOWN"
  | "INTERNAL"
  | "PORT_IN_USE"
  | "LISTEN_FAILED"
  | "ADMINISTRATOR_TOKEN_INVALID"
  | "ADMINISTRATOR_TOKEN_EXPOSED"
  | "DATA_DIRECTORY_EXPOSED"

/** An error of the host itself: a request that it refuses, or a start that fails. */
export class HostError extends CodedError<HostErrorCode> {
  /** Each single fault of the request, for `INVALID_REQUEST`. */
  readonly issues?: readonly ConfigurationIssue[]
  /** The methods that the path has, for `METHOD_NOT_ALLOWED`. */
  readonly allowedMethods?: readonly string[]

  constructor(
    code: HostErrorCode,
    message: string,
    facts: ErrorFacts & {
      readonly issues?: readonly ConfigurationIssue[]
      readonly allowedMethods?: readonly string[]
    },
  ) {
    super(code, message, facts)
    if (facts.issues !== undefined) this.issues = facts.issues
    if (facts.allowedMethods !== undefined) this.allowedMethods = facts.allowedMethods
  }
}

/** A request that the caller must change before it can succeed. */
export function callerError(code: HostErrorCode, message: string, nextStep: string): HostError {
  return new HostError(code, message, { origin: "caller", retryable: false, nextStep })
}

/** A request with faults, each of them named. */
export function invalidRequest(message: string, issues: readonly ConfigurationIssue[]): HostError {
  return new HostError("INVALID_REQUEST", message, {
    origin: "caller",
    retryable: false,
    nextStep: "Correct what `issues` names; /openapi.json has the schema of this request.",
    issues,
  })
}

/** The answer to the platform's administrator; nobody else learns whether a tenant exists. */
export function tenantNotFound(tenantId: string): HostError {
  return callerError("TENANT_NOT_FOUND", `There is no tenant ${tenantId}.`, "GET /v1/tenants lists all tenants.")
}
