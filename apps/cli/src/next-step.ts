import type { ProblemDocument } from "../http/problem.ts"

/**
 * What to do about a refused request, in commands of this program. The host knows requests only: what it says about
 * headers and methods is of no use here.
 *
 * @param path - of the request
 */
export function nextStepFor(problem: ProblemDocument, path: string): string {
  const [tenant = "TENANT", keystore = "KEYSTORE"] = namesIn(path)
  const steps: Readonly<Record<string, string>> = {
    INVALID_REQUEST: "Correct what is named above; --help shows what the command takes.",
    CONFIGURATION_INVALID: "Correct each listed field in the document.",
    UNAUTHENTICATED:
      "Name the file with your token: --header-file FILE or APEIRO_CMK_HEADER_FILE. A token may have expired or been revoked.",
    FORBIDDEN: path.startsWith("/v1/tenants/")
      ? `${problem.next_step} Its administrator makes one: apeiro-cmk token create ${tenant} --role ROLE --output FILE`
      : "This needs the platform administrator's header file, which the host keeps in its data directory: --header-file data/administrator.header",
    TENANT_NOT_FOUND: "See which there are: apeiro-cmk tenant list",
    TOKEN_NOT_FOUND: `See which there are: apeiro-cmk token list ${tenant}`,
    KEYSTORE_NOT_FOUND: `See which there are: apeiro-cmk keystore list ${tenant}`,
    KEYSTORE_NOT_ACTIVE: `Activate it: apeiro-cmk keystore activate ${tenant} ${keystore}`,
    KEYSTORE_EXISTS: `Choose another plugin_name, or change that one: apeiro-cmk keystore update ${tenant} NAME FILE`,
    SERVICE_KEY_NOT_FOUND: `See which there are: apeiro-cmk service-key list ${tenant}`,
    TENANT_KEY_MISSING: `Add a keystore and activate it: apeiro-cmk keystore add ${tenant} FILE`,
    PRECONDITION_REQUIRED: `Look at it again, and change what is there now: apeiro-cmk keystore show ${tenant} ${keystore}`,
    REVISION_MISMATCH: `Look at it again, and change what is there now: apeiro-cmk keystore show ${tenant} ${keystore}`,
    CIPHERTEXT_REJECTED: "Give the envelope exactly as it was issued, with its own tenant and service key.",
    IDEMPOTENCY_IN_PROGRESS: "Look whether what it creates is there, or run the command again later.",
    SHUTTING_DOWN: "Run the command again when the host is back.",
    ROUTE_NOT_FOUND: "Use the same version of apeiro-cmk as the host.",
    METHOD_NOT_ALLOWED: "Use the same version of apeiro-cmk as the host.",
  }
  return steps[problem.code] ?? problem.next_step
}

/** Tenant and keystore of a path. */
function namesIn(path: string): readonly (string | undefined)[] {
  const [, tenant, collection, item] = /^\/v1\/tenants\/([^/?]+)(?:\/([^/?]+)\/([^/?]+))?/.exec(path) ?? []
  return [tenant, collection === "keystores" ? item : undefined].map((part) =>
    part === undefined ? undefined : decodeURIComponent(part),
  )
}
