import type { UpstreamTrustRequest } from "@apeiro-cmk/plugin-interface"

/** Who is let in: the upstream host for its keys, or its cryptography layer. */
export type TrustType = UpstreamTrustRequest["type"]

/** What each of them may do with the keys of one mount, as HCL; nothing else on the server. */
export const trustPolicies: { readonly [Type in TrustType]: (mount: string) => string } = {
  management: (mount) => `# The upstream host: makes, imports, rotates and deletes keys, and never uses one.
path "${mount}/keys/*" { capabilities = ["create", "read", "update", "delete"] }
path "${mount}/wrapping_key" { capabilities = ["read"] }
`,
  crypto: (mount) => `# The cryptography layer: uses keys. Without "create" a missing key is not made.
path "${mount}/encrypt/*" { capabilities = ["update"] }
path "${mount}/decrypt/*" { capabilities = ["update"] }
path "${mount}/keys/*" { capabilities = ["read"] }
`,
}
