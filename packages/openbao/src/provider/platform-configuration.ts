import type { SecretHandle } from "@apeiro-cmk/plugin-interface"
import { secret } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { connectionFields } from "../configuration/connection.ts"
import { serverPath } from "../configuration/text.ts"

const { vault_address, cluster_addresses, namespace, ca_certificate } = connectionFields

/** The operator's access to the OpenBao server on which keystores are made for tenants; its secret stands beside it. */
export const platformConfiguration = z
  .strictObject({
    vault_address,
    cluster_addresses,
    namespace: namespace.meta({
      title: "Namespace",
      description: "Where the platform's own credential lives; the tenants' namespaces or mounts are made below it.",
    }),
    ca_certificate,
    isolation: z.enum(["namespace", "mount"]).default("namespace").meta({
      title: "Isolation",
      description: "Whether each keystore gets a namespace of its own, or only mounts of its own.",
    }),
    name_prefix: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,23}$/, "must be 1 to 24 lower-case letters, digits and dashes")
      .default("openkcm-")
      .meta({ title: "Prefix", description: "Begins the name of every namespace or mount that is made." }),
    auth_method: z.enum(["approle", "token"]).meta({ title: "Authentication of the platform" }),
    auth_mount_path: serverPath().default("approle").meta({ title: "Mount of AppRole" }),
    role_id: z.string().min(1).max(4096).optional().meta({ title: "AppRole role id of the platform" }),
    client_certificate_authority: ca_certificate.meta({
      title: "Authority of the upstream host's certificates, PEM",
      description: "Only under the upstream server: with certificates of this authority it logs in to its keystores.",
    }),
  })
  .refine(({ auth_method, role_id }) => (auth_method === "approle") === (role_id !== undefined), {
    error: "is needed by auth_method approle, and by no other",
    path: ["role_id"],
  })
  .refine(({ isolation, client_certificate_authority: given }) => given === undefined || isolation === "namespace", {
    error: "goes with isolation namespace alone",
    path: ["client_certificate_authority"],
  })

/** The secret of that access. */
export const platformCredential = secret({ oneLine: true }).meta({
  title: "Credential of the platform",
  description: "The secret id for auth_method approle, the token for auth_method token.",
})

/** Both, parsed. */
export type PlatformConfiguration = z.output<typeof platformConfiguration> & { readonly credential: SecretHandle }
