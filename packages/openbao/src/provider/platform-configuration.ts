import type { SecretHandle } from "@apeiro-cmk/plugin-interface"
import { secret } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { connectionFields } from "../configuration/connection.ts"
import { serverPath } from "../configuration/text.ts"

const { vault_address, cluster_addresses, namespace, ca_certificate } = connectionFields

/** The operator's access to the OpenBao server for tenants' keystores; its secret is a separate field. */
export const platformConfiguration = z
  .strictObject({
    vault_address,
    cluster_addresses,
    namespace: namespace.meta({
      title: "Namespace",
      description:
        "Namespace of the platform's own credential; the tenants' namespaces or mounts are created below it.",
    }),
    ca_certificate,
    isolation: z.enum(["namespace", "mount"]).default("namespace").meta({
      title: "Isolation",
      description: "Whether each keystore gets its own namespace, or only its own mounts.",
    }),
    name_prefix: z
      .string()
      .max(24)
      .regex(/^[a-z0-9][a-z0-9-]{0,23}$/, "must be 1 to 24 lower-case letters, digits and dashes")
      .default("openkcm-")
      .meta({
        title: "Prefix",
        description: "Prefix of the name of every namespace or mount that the plugin creates.",
      }),
    auth_method: z.enum(["approle", "token"]).meta({ title: "Authentication of the platform" }),
    auth_mount_path: serverPath().default("approle").meta({ title: "Mount of AppRole" }),
    role_id: z.string().min(1).max(4096).optional().meta({ title: "AppRole role id of the platform" }),
    client_certificate_authority: ca_certificate.meta({
      title: "Authority of the upstream host's certificates, PEM",
      description:
        "Only under the upstream server, which logs in to its keystores with certificates of this authority.",
    }),
  })
  .refine(({ auth_method, role_id }) => (auth_method === "approle") === (role_id !== undefined), {
    error: "is required with auth_method approle, and must be left out otherwise",
    path: ["role_id"],
  })
  .refine(({ isolation, client_certificate_authority: given }) => given === undefined || isolation === "namespace", {
    error: "requires isolation namespace",
    path: ["client_certificate_authority"],
  })

/** Secret of that access. */
export const platformCredential = secret({ oneLine: true }).meta({
  title: "Credential of the platform",
  description: "The secret id for auth_method approle, the token for auth_method token.",
})

/** The parsed access with its secret. */
export type PlatformConfiguration = z.output<typeof platformConfiguration> & { readonly credential: SecretHandle }
