import { authMountPath, type SetupConfiguration } from "../config.ts"
import { enabledOnce, quoted } from "./shell.ts"

/** Folder of the roles of each method, below its mount. */
const roleFolders = { kubernetes: "role", jwt: "role", cert: "certs" } as const

/** Auth methods in which a workload presents a credential that it already has; no secret is created. */
export type WorkloadMethod = keyof typeof roleFolders

/**
 * Writes the part of the set-up script that lets a workload log in. The administrator passes what the configuration
 * does not contain (service account, certificate authority) in environment variables; without them the script ends and
 * names the missing one. Pure.
 *
 * @param name - name of the policy, and of the role if the configuration names none
 */
export function workloadCommands(method: WorkloadMethod, configuration: SetupConfiguration, name: string): string {
  const mount = authMountPath(configuration)
  const role = configuration.role ?? name
  const path = quoted(`auth/${mount}/${roleFolders[method]}/${role}`)
  return `# The workload that may log in.
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

/** Explains the settings that the method needs once, for all roles. */
function methodComment(method: WorkloadMethod, mount: string): string {
  if (method === "kubernetes") {
    return `# Configure a new method once with its cluster; in a pod of that cluster kubernetes_host is enough:
#   bao write auth/${mount}/config kubernetes_host=https://... kubernetes_ca_cert=@ca.crt token_reviewer_jwt=...
`
  }
  if (method === "jwt") {
    return `# Configure a new method once with the issuer to trust:
#   bao write auth/${mount}/config oidc_discovery_url=https://issuer... bound_issuer=https://issuer...
`
  }
  return ""
}
