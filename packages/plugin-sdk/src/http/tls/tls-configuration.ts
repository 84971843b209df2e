import * as z from "zod"
import { atMostOne, type FieldRule, goesWith } from "../../configuration/field-rules.ts"
import { tenantPath } from "../../files/tenant-path.ts"
import { secret } from "../../secrets/secret.ts"
import { certificates } from "./certificates.ts"

const fileNote = "From the tenant's folder below the operator's credential directory; read again when it changes."

/** Fields of a keystore configuration for TLS with its server; spread them into a `z.strictObject`. */
export const tlsFields = {
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

const tlsObject = z.object(tlsFields)

/** Parsed form of {@link tlsFields}. */
export type TlsConfiguration = z.output<typeof tlsObject>

const certificateFields = ["client_certificate", "client_certificate_path"]
const keyFields = ["client_key", "client_key_path"]

/** Rules that relate {@link tlsFields} to each other. */
export const tlsRules: readonly FieldRule[] = [
  ...atMostOne(["ca_certificate", "ca_certificate_path"]),
  ...atMostOne(certificateFields),
  ...atMostOne(keyFields),
  ...certificateFields.map((field) => goesWith(field, keyFields)),
  ...keyFields.map((field) => goesWith(field, certificateFields)),
]
