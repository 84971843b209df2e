import { CodedError, type ConfigurationIssue, type ErrorFacts } from "@apeiro-cmk/plugin-interface"
import { boundedIssues } from "@apeiro-cmk/plugin-sdk"

/** Codes of the errors of the API itself, in addition to those of the packages that it serves. */
export type HttpApiErrorCode =
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
  | "TOO_MANY_REQUESTS"
  | "SHUTTING_DOWN"
  | "INTERNAL"
  | "PORT_IN_USE"
  | "LISTEN_FAILED"

/** An error of the API: a refused request, or a listener that does not open. */
export class HttpApiError extends CodedError<HttpApiErrorCode> {
  /** Each single fault of the request, for `INVALID_REQUEST`. */
  readonly issues?: readonly ConfigurationIssue[]
  /** Methods that the path has, for `METHOD_NOT_ALLOWED`. */
  readonly allowedMethods?: readonly string[]

  constructor(
    code: HttpApiErrorCode,
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

/** Makes the error for a request that the caller must change before it can succeed. */
export function callerError(code: HttpApiErrorCode, message: string, nextStep: string): HttpApiError {
  return new HttpApiError(code, message, { origin: "caller", retryable: false, nextStep })
}

/** Makes the error for a request with faults; each fault is named. */
export function invalidRequest(message: string, issues: readonly ConfigurationIssue[]): HttpApiError {
  return new HttpApiError("INVALID_REQUEST", message, {
    origin: "caller",
    retryable: false,
    nextStep: "Correct what `issues` names; /openapi.json has the schema of this request.",
    issues: boundedIssues(issues),
  })
}

/** Makes the answer to the platform's administrator; nobody else learns whether a tenant exists. */
export function tenantNotFound(tenantId: string): HttpApiError {
  return callerError("TENANT_NOT_FOUND", `There is no tenant ${tenantId}.`, "GET /v1/tenants lists all tenants.")
}
