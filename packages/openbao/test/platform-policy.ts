/** The policy of docs/guides/platform-openbao.md for the platform's credential. */
export function platformPolicy(isolation: "namespace" | "mount"): string {
  return isolation === "namespace" ? byNamespace : byMount
}

const byNamespace = `
path "sys/namespaces/*" { capabilities = ["create", "read", "update", "delete"] }
path "+/sys/mounts/transit" { capabilities = ["create", "read", "update"] }
path "+/transit/keys/l1" { capabilities = ["create", "read", "update"] }
path "+/sys/policies/acl/openkcm-transit__l1" { capabilities = ["create", "update"] }
path "+/sys/auth/approle" { capabilities = ["create", "read", "update", "sudo"] }
path "+/auth/approle/role/openkcm-transit__l1" { capabilities = ["create", "update"] }
path "+/auth/approle/role/openkcm-transit__l1/role-id" { capabilities = ["read"] }
path "+/auth/approle/role/openkcm-transit__l1/secret-id" { capabilities = ["create", "update"] }
`

const byMount = `
path "sys/mounts/openkcm-*" { capabilities = ["create", "read", "update", "delete"] }
path "+/keys/l1" { capabilities = ["create", "read", "update"] }
path "sys/policies/acl/openkcm-openkcm-*" { capabilities = ["create", "update", "delete"] }
path "sys/auth/openkcm-*" { capabilities = ["create", "read", "update", "delete", "sudo"] }
path "auth/+/role/openkcm-*" { capabilities = ["create", "read", "update"] }
`

/** Additional policy of the platform's credential under the upstream host. */
export const upstreamPlatformPolicy = `${byNamespace}
path "+/sys/policies/acl/openkcm-*" { capabilities = ["create", "update"] }
path "+/sys/auth/cert" { capabilities = ["create", "read", "update", "sudo"] }
path "+/auth/cert/certs/*" { capabilities = ["create", "update", "delete"] }
`
