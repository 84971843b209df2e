import {
  atMostOne,
  egressConfiguration,
  endpoint,
  type FieldRule,
  type Given,
  has,
  proxyConfiguration,
  proxyRule,
  requestConfiguration,
  secret,
  tenantPath,
  tlsFields,
  tlsRules,
  withRules,
} from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

/** The settings that the operator makes once, for all keystores of this plugin. */
export const pluginConfiguration = withRules(
  z.strictObject({ ...egressConfiguration, ...proxyConfiguration, ...requestConfiguration }),
  [proxyRule],
)

/** The parsed plugin configuration. */
export type PluginConfiguration = z.output<typeof pluginConfiguration>

const longestName = 256
const oneLine = "must be one line without control characters"
/** Form of an id in DSM. */
export const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** A name in DSM: one line of at most 256 characters, although DSM itself accepts longer names. */
export const dsmName = z
  .string()
  .min(1)
  .max(longestName, { abort: true })
  .regex(/^\P{C}*$/u, { error: oneLine, abort: true })
  .refine((name) => name.trim() !== "", { error: oneLine })

const readAtLogin = "Read at each login from the tenant's folder in the operator's credential directory."

/** Methods by which an app logs in. */
export const authMethods = ["api_key", "client_certificate", "signed_jwt"] as const

const keystoreFields = z.strictObject({
  dsm_endpoint: endpoint().meta({ title: "Address of DSM", examples: ["https://sdkms.fortanix.com"] }),
  app_uuid: z
    .string()
    .max(36)
    .regex(uuidForm, { error: "must be the app's id, a UUID" })
    .meta({ title: "Id of the app", examples: ["550e8400-e29b-41d4-a716-446655440000"] }),
  auth_method: z.enum(authMethods).default("api_key").meta({ title: "Authentication" }),
  api_key: secret({ oneLine: true })
    .optional()
    .meta({ title: "API key", description: "As DSM shows it, or only the app's secret." }),
  api_key_path: tenantPath().optional().meta({ title: "File with the API key", description: readAtLogin }),
  jwt: secret({ oneLine: true }).optional().meta({ title: "Signed token (JWT)" }),
  jwt_path: tenantPath().optional().meta({ title: "File with the signed token (JWT)", description: readAtLogin }),
  group_id: dsmName.meta({
    title: "Group of the key",
    description: "Its name or its id.",
    examples: ["openkcm-key-group"],
  }),
  key_name: dsmName.meta({ title: "Name or id of the L1 key", examples: ["customer-master-key-acme-corp"] }),
  wrap_mode: z.enum(["GCM", "KWP"]).default("GCM").meta({
    title: "Mode for wrapping",
    description: "GCM, unless the group's policy forbids it; then KWP (AES key wrap).",
  }),
  max_operations_per_hour: z
    .int()
    .min(100)
    .max(100_000_000)
    .optional()
    .meta({
      title: "Operations per hour",
      description:
        "Maximum number of operations with the key that the platform requests within an hour, over all its replicas.",
      examples: [10_000],
    }),
  ...tlsFields,
})

const credentialFields = {
  api_key: ["api_key", "api_key_path"],
  client_certificate: ["client_certificate", "client_certificate_path"],
  signed_jwt: ["jwt", "jwt_path"],
} as const

const methodOf = ({ auth_method: method = "api_key" }: Given) => method

const rules: readonly FieldRule[] = [
  ...authMethods.map((method) => ({
    field: credentialFields[method][0],
    error: `is needed by auth_method ${method}: set one of ${credentialFields[method].join(", ")}`,
    holds: (given: Given) => methodOf(given) !== method || credentialFields[method].some((field) => has(given, field)),
  })),
  // A client certificate may accompany each method: a proxy in front of DSM can require one.
  ...(["api_key", "signed_jwt"] as const).flatMap((method) => [
    ...atMostOne(credentialFields[method]),
    ...credentialFields[method].map((field) => ({
      field,
      error: `belongs to auth_method ${method} only`,
      holds: (given: Given) => !has(given, field) || methodOf(given) === method,
    })),
  ]),
  ...tlsRules,
]

/** The fields that an administrator enters for one DSM keystore (story 2, step 2). */
export const keystoreConfiguration = withRules(keystoreFields, rules)

/** The parsed configuration of one keystore. */
export type KeystoreConfiguration = z.output<typeof keystoreConfiguration>

/** The keystore configuration before there is a credential, for the set-up material. */
export const setupConfiguration = keystoreFields

/** The parsed configuration for set-up material. */
export type SetupConfiguration = z.output<typeof setupConfiguration>
