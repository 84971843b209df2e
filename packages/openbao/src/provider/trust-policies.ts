import type { UpstreamTrustRequest } from "@apeiro-cmk/plugin-interface"

/** Kinds of access: the upstream host that manages keys, or its cryptography layer that uses them. */
export type TrustType = UpstreamTrustRequest["type"]

/** Policies, as HCL, for the keys of one mount and nothing else on the server. */
export const trustPolicies: { readonly [Type in TrustType]: (mount: string) => string } = {
  management: (mount) => `# The upstream host: creates, imports, rotates and deletes keys, but never uses them.
path "${mount}/keys/*" { capabilities = ["create", "read", "update", "delete"] }
path "${mount}/wrapping_key" { capabilities = ["read"] }
`,
  crypto: (mount) => `# The cryptography layer: uses keys. Without "create", a missing key is not created.
path "${mount}/encrypt/*" { capabilities = ["update"] }
path "${mount}/decrypt/*" { capabilities = ["update"] }
path "${mount}/keys/*" { capabilities = ["read"] }
`,
}
