import type { ProblemDocument } from "@apeiro-cmk/http-api/schemas"

/**
 * Says what to do about a refused request, in commands of this program. The host knows requests alone: its advice about
 * headers and methods does not help here.
 *
 * @param path - of the request
 */
export function nextStepFor(problem: ProblemDocument, path: string): string {
  const [tenant = "TENANT", keystore = "KEYSTORE"] = namesIn(path)
  const steps: Readonly<Record<string, string>> = {
    INVALID_REQUEST: "Correct the faults named above; --help shows what the command takes.",
    CONFIGURATION_INVALID: "Correct each listed field in the document.",
    UNAUTHENTICATED:
      "Name the file with your token: --header-file FILE or APEIRO_CMK_HEADER_FILE. A token may have expired or been revoked.",
    FORBIDDEN: path.startsWith("/v1/tenants/")
      ? `${problem.next_step} Its administrator makes one: apeiro-cmk token create ${tenant} --role ROLE --output FILE`
      : "This needs the platform administrator's header file, which the host keeps in its data directory: --header-file data/administrator.header",
    TENANT_NOT_FOUND: "List the tenants: apeiro-cmk tenant list",
    TOKEN_NOT_FOUND: `List the tokens: apeiro-cmk token list ${tenant}`,
    KEYSTORE_NOT_FOUND: `List the keystores: apeiro-cmk keystore list ${tenant}`,
    KEYSTORE_NOT_ACTIVE: `Activate it: apeiro-cmk keystore activate ${tenant} ${keystore}`,
    KEYSTORE_EXISTS: `Choose another plugin_name, or change that one: apeiro-cmk keystore update ${tenant} NAME FILE`,
    CLAIM_NOT_FOUND: "List the claims, whose ids change: apeiro-cmk platform claim list",
    SERVICE_KEY_NOT_FOUND: `List the service keys: apeiro-cmk service-key list ${tenant}`,
    TENANT_KEY_MISSING: `Add a keystore and activate it: apeiro-cmk keystore add ${tenant} FILE`,
    PRECONDITION_REQUIRED: `Read its present state, and apply your change to that: apeiro-cmk keystore show ${tenant} ${keystore}`,
    REVISION_MISMATCH: `Read its present state, and apply your change to that: apeiro-cmk keystore show ${tenant} ${keystore}`,
    CIPHERTEXT_REJECTED: "Give the envelope exactly as it was issued, with its own tenant and service key.",
    IDEMPOTENCY_IN_PROGRESS: "Check whether the resource exists, or run the command again later.",
    SHUTTING_DOWN: "Run the command again when the host is back.",
    ROUTE_NOT_FOUND: "Use the same version of apeiro-cmk as the host.",
    METHOD_NOT_ALLOWED: "Use the same version of apeiro-cmk as the host.",
  }
  return steps[problem.code] ?? problem.next_step
}

/** Reads tenant and keystore from a path. */
function namesIn(path: string): readonly (string | undefined)[] {
  const [, tenant, collection, item] = /^\/v1\/tenants\/([^/?]+)(?:\/([^/?]+)\/([^/?]+))?/.exec(path) ?? []
  return [tenant, collection === "keystores" ? item : undefined].map((part) =>
    part === undefined ? undefined : decodeURIComponent(part),
  )
}
