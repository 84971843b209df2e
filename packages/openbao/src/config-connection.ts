import { endpoint, secret, tenantPath } from "@apeiro-cmk/plugin-sdk"
import { z } from "zod"
import { atMostOne, type FieldRule, goesWith } from "./config-rules.ts"
import { certificates, serverPath } from "./config-text.ts"

const fileNote = "From the tenant's folder below the operator's credential directory; read again when it changes."

const address = () => endpoint().refine((text) => !/\/v1$/i.test(text), { error: "must be given without /v1" })

/** Fields that say where the server is, and how TLS is spoken with it. */
export const connectionFields = {
  vault_address: address().meta({ title: "Server address", examples: ["https://openbao.company.internal:8200"] }),
  cluster_addresses: z.array(address()).max(8).optional().meta({
    title: "Addresses of the cluster's other nodes",
    description: "For a cluster without a load balancer. Every address must be a node of the same cluster.",
  }),
  namespace: serverPath()
    .transform((namespace) => (namespace === "root" ? undefined : namespace))
    .optional()
    .meta({ title: "Namespace", description: "OpenBao namespace; without it, the root namespace." }),
  ca_certificate: certificates().optional().meta({
    title: "Certificate authority",
    description: "Certificates to trust instead of the system's, as PEM text.",
  }),
  ca_certificate_path: tenantPath().optional().meta({
    title: "File with the certificate authority",
    description: fileNote,
  }),
  client_certificate: certificates()
    .optional()
    .meta({ title: "Client certificate", description: "With its chain, leaf first, as PEM text." }),
  client_certificate_path: tenantPath().optional().meta({
    title: "File with the client certificate",
    description: fileNote,
  }),
  client_key: secret().optional().meta({ title: "Private key of the client certificate", description: "PEM text." }),
  client_key_path: tenantPath().optional().meta({
    title: "File with the private key of the client certificate",
    description: fileNote,
  }),
}

const certificateFields = ["client_certificate", "client_certificate_path"]
const keyFields = ["client_key", "client_key_path"]

/** What must hold between these fields. */
export const connectionRules: readonly FieldRule[] = [
  ...atMostOne(["ca_certificate", "ca_certificate_path"]),
  ...atMostOne(certificateFields),
  ...atMostOne(keyFields),
  ...certificateFields.map((field) => goesWith(field, keyFields)),
  ...keyFields.map((field) => goesWith(field, certificateFields)),
]
