import { authMountPath, type SetupConfiguration } from "../config.ts"
import { enabledOnce, quoted } from "./shell.ts"

/** Where each of these methods keeps its roles, below its mount. */
const roleFolders = { kubernetes: "role", jwt: "role", cert: "certs" } as const

/** Methods by which a workload shows what it has already; nothing secret is made. */
export type WorkloadMethod = keyof typeof roleFolders

/**
 * The part of the set-up script that lets a workload log in. What the configuration does not say (which service
 * account, whose certificate) the administrator gives as environment variables; without them the script ends and says
 * so. Pure.
 *
 * @param name - of the policy, and of the role where the configuration names none
 */
export function workloadCommands(method: WorkloadMethod, configuration: SetupConfiguration, name: string): string {
  const mount = authMountPath(configuration)
  const role = configuration.role ?? name
  const path = quoted(`auth/${mount}/${roleFolders[method]}/${role}`)
  return `# Who may log in.
${questions[method]}
${enabledOnce("auth", mount, method, "auth_mount_path")}
${methodComment(method, mount)}bao write ${path} \\
${bindings[method]} \\
  token_policies=${name} \\
  token_ttl=1h \\
  token_max_ttl=4h

echo "role: ${role}"
`
}

const asked = (variable: string, meaning: string) => `: "\${${variable}:?Set ${variable} first: ${meaning}}"`

const questions: Readonly<Record<WorkloadMethod, string>> = {
  kubernetes: [
    asked("SERVICE_ACCOUNT", "the name of the service account whose token is at jwt_path"),
    asked("SERVICE_ACCOUNT_NAMESPACE", "its Kubernetes namespace"),
    asked("TOKEN_AUDIENCE", "the audience of its token"),
  ].join("\n"),
  jwt: [
    asked("TOKEN_SUBJECT", "the claim sub of the token"),
    asked("TOKEN_AUDIENCE", "the audience of the token"),
  ].join("\n"),
  cert: [
    asked("CLIENT_CA_FILE", "the file with the authority of the client certificate, PEM"),
    asked("CLIENT_COMMON_NAME", "the common name of the client certificate"),
  ].join("\n"),
}

const bindings: Readonly<Record<WorkloadMethod, string>> = {
  kubernetes: `  bound_service_account_names="$SERVICE_ACCOUNT" \\
  bound_service_account_namespaces="$SERVICE_ACCOUNT_NAMESPACE" \\
  audience="$TOKEN_AUDIENCE"`,
  jwt: `  role_type=jwt \\
  user_claim=sub \\
  bound_subject="$TOKEN_SUBJECT" \\
  bound_audiences="$TOKEN_AUDIENCE"`,
  cert: `  certificate=@"$CLIENT_CA_FILE" \\
  allowed_common_names="$CLIENT_COMMON_NAME"`,
}

/** What the method needs once, whoever uses it. */
function methodComment(method: WorkloadMethod, mount: string): string {
  if (method === "kubernetes") {
    return `# Where the method is new, tell it once which cluster to ask; in a pod of that cluster kubernetes_host is enough:
#   bao write auth/${mount}/config kubernetes_host=https://... kubernetes_ca_cert=@ca.crt token_reviewer_jwt=...
`
  }
  if (method === "jwt") {
    return `# Where the method is new, tell it once whom to trust:
#   bao write auth/${mount}/config oidc_discovery_url=https://issuer... bound_issuer=https://issuer...
`
  }
  return ""
}
