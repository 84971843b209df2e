import { X509Certificate } from "node:crypto"
import { egressConfiguration, endpoint, secret, tenantPath } from "@apeiro-cmk/plugin-sdk"
import { z } from "zod"

/** Methods of authentication that this version knows. */
export const authMethods = ["approle", "token"] as const

// OpenBao takes more, but nothing that changes the meaning of a URL; a segment never begins with a dot.
const pathPattern = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$/
const keyNamePattern = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/

// Together with the cluster id these make the key's identity, which has at most 500 characters.
const longestPath = 128

const pathMessage = 'must be letters, digits, "_", "-" and ".", in parts joined by "/", none of which begins with "."'

function serverPath() {
  return named(pathMessage, pathPattern)
}

/** Name of a transit key: the server's own rule for names, so that no name can alter the URL. */
export const keyName = named(
  'must be letters, digits, "_", "-" and ".", and begin and end with a letter, a digit or "_"',
  keyNamePattern,
)

/** An empty name is told what is allowed, too. */
function named(error: string, pattern: RegExp) {
  return z
    .string()
    .min(1, { error: `is empty; it ${error}`, abort: true })
    .max(longestPath)
    .regex(pattern, { error })
}

/** What the operator sets once for all keystores of this plugin. */
export const pluginConfiguration = z.strictObject({
  ...egressConfiguration,
  requestTimeoutMs: z
    .int()
    .min(100)
    .max(30_000)
    .default(5_000)
    .meta({ title: "Request time-out", description: "Longest time for one request to OpenBao, in milliseconds." }),
  connections: z
    .int()
    .min(1)
    .max(256)
    .default(16)
    .meta({ title: "Connections", description: "Most connections per server and certificate authority." }),
})

/** The parsed plugin configuration. */
export type PluginConfiguration = z.output<typeof pluginConfiguration>

const keystoreFields = z.strictObject({
  vault_address: endpoint()
    .refine((address) => !/\/v1$/i.test(address), { error: "must be given without /v1" })
    .meta({ title: "Server address", examples: ["https://openbao.company.internal:8200"] }),
  namespace: serverPath()
    .transform((namespace) => (namespace === "root" ? undefined : namespace))
    .optional()
    .meta({ title: "Namespace", description: "OpenBao namespace; without it, the root namespace." }),
  ca_certificate: z
    .string()
    .max(65_536)
    .refine(isCertificateBundle, { error: "must be certificates as PEM text (BEGIN CERTIFICATE)" })
    .optional()
    .meta({
      title: "Certificate authority",
      description: "Certificates to trust instead of the system's, as PEM text.",
    }),
  auth_method: z.enum(authMethods).meta({ title: "Authentication" }),
  auth_mount_path: serverPath()
    .optional()
    .meta({ title: "Mount of the AppRole method", description: "Default: approle.", examples: ["approle"] }),
  role_id: z
    .string()
    .max(4096)
    .regex(/^\P{C}+$/u, { error: "must be one line without control characters, and not empty" })
    .optional()
    .meta({ title: "AppRole role id" }),
  secret_id: secret({ oneLine: true }).optional().meta({ title: "AppRole secret id" }),
  secret_id_path: tenantPath().optional().meta({
    title: "File with the AppRole secret id",
    description: "Read at each login, from the tenant's folder below the operator's credential directory.",
  }),
  token: secret({ oneLine: true }).optional().meta({ title: "Token" }),
  mount_path: serverPath()
    .default("transit")
    .meta({ title: "Mount of the transit engine", examples: ["openkcm-keys"] }),
  key_name: keyName.meta({ title: "Name of the L1 key", examples: ["customer-master-key"] }),
})

interface FieldRule {
  readonly field: keyof z.input<typeof keystoreFields>
  readonly error: string
  readonly holds: (given: Readonly<Record<string, unknown>>) => boolean
}

const has = (given: Readonly<Record<string, unknown>>, field: string) => given[field] !== undefined
const isAppRole = (given: Readonly<Record<string, unknown>>) => given.auth_method === "approle"
const isToken = (given: Readonly<Record<string, unknown>>) => given.auth_method === "token"

const fieldRules: readonly FieldRule[] = [
  { field: "role_id", error: "is needed by auth_method approle", holds: (g) => !isAppRole(g) || has(g, "role_id") },
  {
    field: "secret_id",
    error: "is needed by auth_method approle: give either secret_id or secret_id_path",
    holds: (g) => !isAppRole(g) || has(g, "secret_id") || has(g, "secret_id_path"),
  },
  {
    field: "secret_id_path",
    error: "must be left out when secret_id is given",
    holds: (g) => !(has(g, "secret_id") && has(g, "secret_id_path")),
  },
  { field: "token", error: "is needed by auth_method token", holds: (g) => !isToken(g) || has(g, "token") },
  { field: "token", error: "belongs to auth_method token only", holds: (g) => !isAppRole(g) || !has(g, "token") },
  ...(["auth_mount_path", "role_id", "secret_id", "secret_id_path"] as const).map((field) => ({
    field,
    error: "belongs to auth_method approle only",
    holds: (g: Readonly<Record<string, unknown>>) => !isToken(g) || !has(g, field),
  })),
]

/** What an administrator enters for one OpenBao keystore (story 4, step 2). */
export const keystoreConfiguration = fieldRules.reduce(
  (schema, { field, error, holds }) =>
    schema.refine((given) => holds(given), {
      error,
      path: [field],
      // Also when another field is wrong: every issue is reported at once.
      when: ({ value }) => typeof value === "object" && value !== null,
    }),
  keystoreFields,
)

/** The parsed configuration of one keystore. */
export type KeystoreConfiguration = z.output<typeof keystoreConfiguration>

/** The same before there are credentials: what set-up material is written from. */
export const setupConfiguration = keystoreFields

/** Its parsed form. */
export type SetupConfiguration = z.output<typeof setupConfiguration>

/** Mount of the AppRole method where the configuration names none. */
export const defaultAuthMountPath = "approle"

/** The certificates in a PEM text, each as its own text. */
export function certificatesOf(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}

function isCertificateBundle(text: string): boolean {
  const certificates = certificatesOf(text)
  if (certificates.length === 0 || text.includes("PRIVATE KEY")) return false
  return certificates.every((certificate) => {
    try {
      return new X509Certificate(certificate).raw.length > 0
    } catch {
      return false // no certificate: the refinement's message says what is expected
    }
  })
}
