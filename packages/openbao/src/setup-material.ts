import type { SetupDocument } from "@apeiro-cmk/plugin-interface"
import { defaultAuthMountPath, type SetupConfiguration } from "./config.ts"

const policyName = "openkcm-policy"
const roleName = "openkcm-service"

/** Writes the policy and the commands that prepare OpenBao for a configuration. Pure. */
export function setupMaterial(configuration: SetupConfiguration): readonly SetupDocument[] {
  return [
    {
      title: "OpenBao policy: what the credential may do, and nothing beside it",
      fileName: `${policyName}.hcl`,
      language: "hcl",
      text: policy(configuration),
    },
    {
      title: "Commands for the administrator of OpenBao, run in the folder of the policy file",
      fileName: "openbao-setup.sh",
      language: "bash",
      text: commands(configuration),
    },
  ]
}

function policy({ mount_path: mount, key_name: key }: SetupConfiguration): string {
  return `# OpenBao policy for OpenKCM: wrap and unwrap tenant keys with one key, and see what kind of key it is.

path "${mount}/encrypt/${key}" {
  capabilities = ["update"]  # without "create": that would make a missing key
}

path "${mount}/decrypt/${key}" {
  capabilities = ["update"]
}

# Type, exportability and versions of the key; never its material.
path "${mount}/keys/${key}" {
  capabilities = ["read"]
}

# The token about itself. The default policy grants these, too.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}

path "sys/capabilities-self" {
  capabilities = ["update"]
}
`
}

function commands(configuration: SetupConfiguration): string {
  const { vault_address: address, namespace, ca_certificate, mount_path: mount, key_name: key } = configuration
  return `#!/usr/bin/env bash
# Prepares OpenBao for this keystore. Needs the bao command and a token of an administrator (bao login).
set -euo pipefail

export BAO_ADDR=${quoted(address)}
${namespace === undefined ? "" : `export BAO_NAMESPACE=${quoted(namespace)}\n`}${
  ca_certificate === undefined ? "" : "# Trust the server's authority: export BAO_CACERT=/path/to/ca.pem\n"
}
# The engine and its key. Leave out what exists already.
bao secrets enable -path=${quoted(mount)} transit
bao write -f ${quoted(`${mount}/keys/${key}`)} type=aes256-gcm96 exportable=false allow_plaintext_backup=false

# What the credential may do.
bao policy write ${policyName} ${policyName}.hcl

${configuration.auth_method === "token" ? tokenCommands() : appRoleCommands(configuration)}`
}

function appRoleCommands({ auth_mount_path: mount = defaultAuthMountPath }: SetupConfiguration): string {
  const role = `auth/${mount}/role/${roleName}`
  return `# The credential.
bao auth enable -path=${quoted(mount)} approle
bao write ${quoted(role)} \\
  token_policies=${policyName} \\
  token_ttl=1h \\
  token_max_ttl=4h \\
  bind_secret_id=true \\
  secret_id_num_uses=0

# For the configuration:
echo "role_id: $(bao read -field=role_id ${quoted(`${role}/role-id`)})"
echo "secret_id: $(bao write -f -field=secret_id ${quoted(`${role}/secret-id`)})"
`
}

function tokenCommands(): string {
  return `# The credential, for the configuration: a token that ends after a day without renewal.
echo "token: $(bao token create -field=token -orphan -policy=${policyName} -period=24h)"
`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
