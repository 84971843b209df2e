import type { KeyOfMount } from "./name.ts"

/** Writes the policy of one key's credential, as HCL. Pure. */
export function policyOf({ mount_path: mount, key_name: key }: KeyOfMount): string {
  return `# OpenBao policy for OpenKCM: wrap and unwrap tenant keys with one key, and read the properties of that key.

path "${mount}/encrypt/${key}" {
  capabilities = ["update"]  # without "create", which would create a missing key
}

path "${mount}/decrypt/${key}" {
  capabilities = ["update"]
}

# Type, exportability and versions of the key; never its material.
path "${mount}/keys/${key}" {
  capabilities = ["read"]
}

# The token's access to itself. The default policy grants these too.
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
