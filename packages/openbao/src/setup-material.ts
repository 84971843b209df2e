import { X509Certificate } from "node:crypto"
import type { SetupDocument } from "@apeiro-cmk/plugin-interface"
import { certificatesOf } from "@apeiro-cmk/plugin-sdk"
import type { SetupConfiguration } from "./config.ts"
import { credentialCommands } from "./setup/credential.ts"
import { setupName } from "./setup/name.ts"
import { policyOf } from "./setup/policy.ts"
import { enabledOnce, quoted } from "./setup/shell.ts"

/** Writes the policy and the commands that prepare OpenBao for a configuration. Pure. */
export function setupMaterial(configuration: SetupConfiguration): readonly SetupDocument[] {
  const name = setupName(configuration)
  const policyText = policyOf(configuration)
  return [
    {
      title: "OpenBao policy: everything that the credential may do. For reading only; the commands apply it",
      fileName: `${name}.hcl`,
      language: "hcl",
      text: policyText,
    },
    {
      title: "Commands for the administrator of OpenBao: run them with bash, or paste them into bash",
      fileName: "openbao-setup.sh",
      language: "bash",
      text: commands(configuration, name, policyText),
    },
  ]
}

/** Runs in a subshell, so that pasting the commands neither changes nor ends the administrator's shell. */
function commands(configuration: SetupConfiguration, name: string, policyText: string): string {
  const { mount_path: mount, key_name: key } = configuration
  return `#!/usr/bin/env bash
# Prepares OpenBao for this keystore. Needs the bao command and the token of an administrator (bao login).
# It may be run again. The engine, the key and the auth method may be shared: if they exist, they stay unchanged.
# The policy and the role belong to this key alone: the script overwrites them.
# To import a key of your own, run it as IMPORT=1 ./openbao-setup.sh: it then creates no key.
(
set -euo pipefail

${environment(configuration)}
fail() {
  echo "$*" >&2
  exit 1
}

# Prints a field of what is at a path; prints nothing when the answer contains the text that says that it is empty.
field() { # FIELD PATH TEXT
  local problem
  { problem=$(bao read -field="$1" -- "$2" 2>&1 >&3) && return; } 3>&1
  [[ $problem == *"$3"* ]] || fail "$problem"
}

# The engine and its key. The connection test checks whether an existing key is suitable.
${enabledOnce("secrets", mount, "transit", "mount_path")}
made=$(field type ${quoted(`${mount}/keys/${key}`)} 'No value found')
if [[ -z $made && \${IMPORT-} == 1 ]]; then
  echo ${quoted(`No key ${key} exists, and none is created: import yours.`)}
elif [[ -z $made ]]; then
  bao write -f -- ${quoted(`${mount}/keys/${key}`)} type=aes256-gcm96 exportable=false allow_plaintext_backup=false
else
  echo ${quoted(`The key ${key} already exists and stays unchanged.`)}
fi

# The policy of the credential.
bao policy write ${name} - <<'EOF'
${policyText}EOF

${credentialCommands(configuration, name)})
`
}

/** Settings in the administrator's shell for another server or namespace must not redirect the commands. */
function environment({ vault_address: address, namespace, ca_certificate: authority }: SetupConfiguration): string {
  const lines = [`export BAO_ADDR=${quoted(address)} BAO_FORMAT=table`]
  lines.push(
    namespace === undefined ? "unset BAO_NAMESPACE VAULT_NAMESPACE" : `export BAO_NAMESPACE=${quoted(namespace)}`,
  )
  if (authority !== undefined) {
    const pem = certificatesOf(authority).map((each) => new X509Certificate(each).toString())
    lines.push("unset BAO_CACERT BAO_CAPATH VAULT_CACERT VAULT_CAPATH", `export BAO_CACERT_BYTES='${pem.join("")}'`)
  }
  return `${lines.join("\n")}\n`
}
