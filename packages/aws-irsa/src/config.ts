import { egressConfiguration, namesEveryHost, proxyConfiguration, secret } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { keyIdForm, parseArn, partitionOf, regionForm, roleArnForm } from "./arns.ts"

const region = z
  .string()
  .max(40)
  .regex(regionForm, "expected the name of a region, e.g. eu-central-1")
  .meta({ title: "Region", examples: ["us-east-1"] })

const roleArn = z.string().max(700).regex(roleArnForm, "expected arn:aws:iam::ACCOUNT:role/NAME")

const endpointTemplate = z
  .string()
  .max(2048)
  .regex(
    /^https?:\/\/[A-Za-z0-9.{}:[\]-]+$/,
    "expected https://HOST or https://HOST:PORT; {region} stands for the region",
  )

/** Configuration of the plugin: set once by the operator, for all keystores. It ignores the process's environment. */
export const pluginConfiguration = z
  .strictObject({
    ...egressConfiguration,
    ...proxyConfiguration,
    webIdentity: z
      .strictObject({
        tokenFile: z.string().min(1).max(4096).meta({
          format: "path",
          title: "File of the web identity token",
          description: "Projected service account token; read again for each exchange.",
        }),
        roleArn: roleArn.meta({
          title: "Role of the platform",
          description: "Role that the service account may assume.",
        }),
        region: region.meta({ title: "Region of STS", description: "Region in which the plugin exchanges tokens." }),
      })
      .optional()
      .meta({
        title: "Web identity (IRSA)",
        description: "Without it, keystores can log in only by IAM Roles Anywhere.",
      }),
    sessionName: z
      .string()
      .max(24)
      .regex(/^[\w+=,.@-]{2,24}$/, "expected 2 to 24 letters, digits or _+=,.@-")
      .default("apeiro-cmk")
      .meta({
        title: "Name of this host in sessions",
        description: "CloudTrail shows it in front of the tenant's id.",
      }),
    useFipsEndpoints: z.boolean().default(false).meta({ title: "FIPS endpoints", description: "For KMS and STS." }),
    endpoints: z
      .strictObject({
        kms: endpointTemplate.optional(),
        sts: endpointTemplate.optional(),
        rolesanywhere: endpointTemplate.optional(),
      })
      .default({})
      .meta({ title: "Endpoints", description: "Used instead of the public endpoints, e.g. VPC endpoints." }),
    certificateAuthority: z.string().min(1).max(1_048_576).optional().meta({
      title: "Certificate authority",
      description: "PEM; trusted instead of the system's authorities, e.g. behind a proxy that intercepts TLS.",
    }),
    importWrapping: z
      .enum(["RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_256"])
      .default("RSA_AES_KEY_WRAP_SHA_256")
      .meta({ title: "Wrapping of imported material" }),
    requestTimeoutMs: z.int().min(100).max(30_000).default(5_000).meta({
      title: "Request time-out",
      description: "Longest time for one request to AWS, in milliseconds.",
    }),
    connections: z.int().min(1).max(256).default(32).meta({
      title: "Connections",
      description: "Maximum number of connections to each service and region.",
    }),
  })
  .refine((settings) => settings.proxy === undefined || namesEveryHost(settings), {
    error: "must name hosts or domains when there is a proxy, because the proxy resolves the names: no https://*",
    path: ["allowedEndpoints"],
  })

/** The parsed plugin configuration. */
export type PluginConfiguration = z.output<typeof pluginConfiguration>

const staticKey = z.never({ error: "is a static key: this plugin accepts only temporary credentials" }).optional()

const keystoreFields = z.strictObject({
  region: region.optional().meta({ title: "Region", description: "Default: the region in kms_key_id." }),
  kms_key_id: z
    .string()
    .max(400)
    .regex(keyIdForm, "expected the ARN or id of a key, or alias/NAME")
    .meta({ title: "KMS key", description: "ARN of the L1 key; an id or alias also needs the region." }),
  auth_method: z.enum(["web_identity", "roles_anywhere"]).default("web_identity").meta({ title: "Authentication" }),
  role_arn: roleArn.optional().meta({
    title: "Role",
    description: "Role in the key's account. Default with web identity: the platform's own role.",
  }),
  external_id: z
    .string()
    .max(1224)
    .regex(/^[\w+=,.@:/-]{2,1224}$/, "expected 2 to 1,224 letters, digits or _+=,.@:/-")
    .optional()
    .meta({ title: "External id", description: "Default: an id that belongs to this tenant alone." }),
  trust_anchor_arn: z
    .string()
    .max(200)
    .regex(
      /^arn:aws[a-z-]*:rolesanywhere:[a-z0-9-]+:\d{12}:trust-anchor\/[0-9a-f-]{36}$/,
      "expected the ARN of a trust anchor",
    )
    .optional()
    .meta({ title: "Trust anchor", description: "For roles_anywhere." }),
  profile_arn: z
    .string()
    .max(200)
    .regex(/^arn:aws[a-z-]*:rolesanywhere:[a-z0-9-]+:\d{12}:profile\/[0-9a-f-]{36}$/, "expected the ARN of a profile")
    .optional()
    .meta({ title: "Profile", description: "For roles_anywhere." }),
  client_certificate: z
    .string()
    .min(1)
    .max(65_536)
    .optional()
    .meta({ title: "Certificate", description: "For roles_anywhere: certificate chain as PEM, leaf first." }),
  client_key: secret().optional().meta({ title: "Key of the certificate", description: "For roles_anywhere: PEM." }),
  imported_material_valid_days: z.int().min(1).max(3650).optional().meta({
    title: "Days until imported material expires",
    description: "Default: it does not expire.",
  }),
  access_key_id: staticKey.meta({ title: "Not accepted" }),
  secret_access_key: staticKey.meta({ title: "Not accepted" }),
})

type Fields = z.output<typeof keystoreFields>
type Field = keyof Fields

/** Rule between fields. It is not checked while one of the fields in `reads` is itself invalid. */
interface Rule {
  readonly field: Field
  readonly reads: readonly Field[]
  readonly error: string
  readonly holds: (given: Fields) => boolean
}

const isAnywhere = ({ auth_method: method }: Fields) => method === "roles_anywhere"
const neededForAnywhere = (field: Field): Rule => ({
  field,
  reads: ["auth_method"],
  error: "is required for auth_method roles_anywhere",
  holds: (given) => !isAnywhere(given) || given[field] !== undefined,
})
const onlyForAnywhere = (field: Field): Rule => ({
  field,
  reads: ["auth_method"],
  error: "is only allowed for auth_method roles_anywhere",
  holds: (given) => isAnywhere(given) || given[field] === undefined,
})

const placeRules: readonly Rule[] = [
  {
    field: "region",
    reads: ["kms_key_id"],
    error: "is required when kms_key_id is not an ARN",
    holds: (given) => regionOf(given) !== undefined,
  },
  {
    field: "region",
    reads: ["kms_key_id"],
    error: "is not the region in kms_key_id",
    holds: ({ region: named, kms_key_id: key }) => {
      const inArn = parseArn(key)?.region
      return named === undefined || inArn === undefined || named === inArn
    },
  },
  {
    field: "role_arn",
    reads: ["region", "kms_key_id"],
    error: "belongs to another partition than the region",
    holds: (given) => {
      const placed = regionOf(given)
      const { role_arn: role } = given
      return placed === undefined || role === undefined || parseArn(role)?.partition === partitionOf(placed)
    },
  },
  {
    field: "external_id",
    reads: ["auth_method", "role_arn"],
    error: "is only allowed with role_arn and auth_method web_identity",
    holds: (given) => given.external_id === undefined || (!isAnywhere(given) && given.role_arn !== undefined),
  },
  onlyForAnywhere("trust_anchor_arn"),
  onlyForAnywhere("profile_arn"),
  onlyForAnywhere("client_certificate"),
  onlyForAnywhere("client_key"),
  neededForAnywhere("trust_anchor_arn"),
  neededForAnywhere("profile_arn"),
  neededForAnywhere("role_arn"),
]

const credentialRules: readonly Rule[] = [neededForAnywhere("client_certificate"), neededForAnywhere("client_key")]

function withRules(rules: readonly Rule[]) {
  return rules.reduce(
    (schema, { field, reads, error, holds }) =>
      schema.refine((given) => holds(given), {
        error,
        path: [field],
        when: ({ value, issues }) =>
          typeof value === "object" &&
          value !== null &&
          !Array.isArray(value) &&
          !issues.some(({ path }) => [field, ...reads].some((name) => name === path?.[0])),
      }),
    keystoreFields,
  )
}

/** Configuration of one AWS KMS key: entered by a tenant's administrator (story 1, step 2). */
export const keystoreConfiguration = withRules([...placeRules, ...credentialRules])

/** The parsed configuration of one keystore. */
export type KeystoreConfiguration = z.output<typeof keystoreConfiguration>

/** The same configuration before credentials exist: the input of the set-up material. */
export const setupConfiguration = withRules(placeRules)

/** Returns the region of the key; never `undefined` for a configuration that has passed the rules. */
export function regionOf({
  region: named,
  kms_key_id: key,
}: Pick<Fields, "region" | "kms_key_id">): string | undefined {
  return named ?? (parseArn(key)?.region || undefined)
}
