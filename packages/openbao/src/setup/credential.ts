import { authMountPath, type SetupConfiguration } from "../config.ts"
import { enabledOnce, quoted } from "./shell.ts"
import { workloadCommands } from "./workload.ts"

/** Settings of an AppRole for a host: short tokens, and a secret id that is valid until it is destroyed. */
export const appRoleSettings = {
  token_ttl: "1h",
  token_max_ttl: "4h",
  bind_secret_id: true,
  secret_id_num_uses: 0,
} as const

/**
 * Writes the part of the set-up script that creates the credential and prints it at the end. Pure.
 *
 * @param name - name of the policy and the role
 */
export function credentialCommands(configuration: SetupConfiguration, name: string): string {
  const { auth_method: method } = configuration
  if (method === "token") return tokenCommands(name)
  if (method === "approle") return appRoleCommands(configuration, name)
  return workloadCommands(method, configuration, name)
}

function tokenCommands(name: string): string {
  return `# The credential for the configuration: a token that expires after a day without renewal.
token=$(bao token create -field=token -orphan -policy=${name} -period=24h)
echo "token: $token"
`
}

function appRoleCommands(configuration: SetupConfiguration, name: string): string {
  const { role_id: roleId, secret_id_path, wrapped_secret_id_path: wrappedPath } = configuration
  const path = secret_id_path ?? wrappedPath
  const mount = authMountPath(configuration)
  const role = `auth/${mount}/role/${name}`
  return `# The credential.
${enabledOnce("auth", mount, "approle", "auth_mount_path")}
bao write ${quoted(role)} \\
  token_policies=${name} \\
  ${Object.entries(appRoleSettings)
    .map(([field, value]) => `${field}=${value}`)
    .join(" \\\n  ")}

${roleId === undefined ? "" : roleIdCommands(role, mount, roleId)}${path === undefined ? "" : fileCheck(path)}role_id=$(bao read -field=role_id ${quoted(`${role}/role-id`)})
secret_id=$(bao write ${wrappedPath === undefined ? "-f -field=secret_id" : "-wrap-ttl=24h -f -field=wrapping_token"} ${quoted(`${role}/secret-id`)})

${path === undefined ? printed : fileCommands(path)}`
}

/** Sends JSON on standard input, because an argument that begins with `@` would name a file. */
function roleIdCommands(role: string, mount: string, roleId: string): string {
  return `# The role id of the configuration.
bao write ${quoted(`${role}/role-id`)} - <<'EOF' || fail ${quoted(
    `The role id of the configuration could not be set. "role_id already in use" means that another role of auth/${mount} has it: choose another role_id in the configuration, or change the role id of that role.`,
  )}
${JSON.stringify({ role_id: roleId })}
EOF

`
}

const printed = `# For the configuration:
echo "role_id: $role_id"
echo "secret_id: $secret_id"
`

function fileCheck(path: string): string {
  return `# The file for the secret id, in this folder. The script replaces an older secret id there, but nothing else.
file=${quoted(`./${fileName(path)}`)}
if [[ -e $file && ! $(<"$file") =~ ^([0-9a-f-]{36}|s\\.[A-Za-z0-9.]+)$ ]]; then
  fail "$file already exists and does not hold a secret id: move it away, or run this in another folder."
fi

`
}

function fileCommands(path: string): string {
  return `umask 077
rm -f -- "$file"
printf '%s\\n' "$secret_id" > "$file"
echo "role_id: $role_id"
echo "secret_id: in the file $file"
echo ${quoted(
    `Ask the operator of the host to put this file into the tenant's folder of the host's credentialDirectory: <credentialDirectory>/<tenant>/${parts(path).join("/")}`,
  )}
`
}

function fileName(path: string): string {
  const last = parts(path).at(-1)
  return last === undefined || last === ".." ? "openbao-secret-id" : last
}

function parts(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".")
}
