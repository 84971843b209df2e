import { atMostOne, type FieldRule, type Given, has, secret, tenantPath } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { keyName, serverPath } from "./text.ts"

/** Auth methods that this version supports. */
export const authMethods = ["approle", "token", "kubernetes", "jwt", "cert"] as const

type AuthMethod = (typeof authMethods)[number]

const readAtLogin = "Read at each login from the tenant's folder in the operator's credential directory."

const oneLine = () =>
  z
    .string()
    .max(4096)
    .regex(/^\P{C}+$/u, { error: "must be one line without control characters, and not empty" })

/** Fields that determine the login. */
export const authenticationFields = {
  auth_method: z.enum(authMethods).meta({ title: "Authentication" }),
  auth_mount_path: serverPath()
    .optional()
    .meta({
      title: "Mount of the auth method",
      description: "Default: the name of the method.",
      examples: ["approle"],
    }),
  role_id: oneLine().optional().meta({ title: "AppRole role id" }),
  secret_id: secret({ oneLine: true }).optional().meta({ title: "AppRole secret id" }),
  secret_id_path: tenantPath().optional().meta({ title: "File with the AppRole secret id", description: readAtLogin }),
  wrapped_secret_id: secret({ oneLine: true }).optional().meta({
    title: "Wrapping token of the AppRole secret id",
    description: "Unwrapped once; the host keeps the secret id in memory until it stops.",
  }),
  wrapped_secret_id_path: tenantPath().optional().meta({
    title: "File with the wrapping token of the AppRole secret id",
    description: readAtLogin,
  }),
  token: secret({ oneLine: true }).optional().meta({ title: "Token" }),
  role: keyName
    .optional()
    .meta({ title: "Role of the auth method", description: "Without a role, cert tries every role." }),
  jwt: secret({ oneLine: true }).optional().meta({ title: "Signed token (JWT)" }),
  jwt_path: tenantPath()
    .optional()
    .meta({
      title: "File with the signed token (JWT)",
      description: `${readAtLogin} For kubernetes: the token of the service account.`,
    }),
}

const secretIds = ["secret_id", "secret_id_path", "wrapped_secret_id", "wrapped_secret_id_path"]
const jwts = ["jwt", "jwt_path"]

/** Fields of one method: `needs` are required, and exactly one of `oneOf`; `takes` are optional. */
interface MethodFields {
  readonly needs: readonly string[]
  readonly oneOf?: readonly string[]
  readonly takes: readonly string[]
}

const methodFields: Readonly<Record<AuthMethod, MethodFields>> = {
  approle: { needs: ["role_id"], oneOf: secretIds, takes: ["auth_mount_path"] },
  token: { needs: ["token"], takes: [] },
  kubernetes: { needs: ["role", "jwt_path"], takes: ["auth_mount_path"] },
  jwt: { needs: ["role"], oneOf: jwts, takes: ["auth_mount_path"] },
  cert: { needs: [], oneOf: ["client_certificate", "client_certificate_path"], takes: ["auth_mount_path", "role"] },
}

/** Fields that only some methods accept; every method accepts a client certificate. */
const bound = ["token", "auth_mount_path", "role_id", ...secretIds, "role", ...jwts]

/** Rules that relate these fields to each other. */
export const authenticationRules: readonly FieldRule[] = [
  ...authMethods.flatMap(neededBy),
  ...atMostOne(secretIds),
  ...atMostOne(jwts),
  ...bound.map(belongsTo),
]

function neededBy(method: AuthMethod): readonly FieldRule[] {
  const { needs, oneOf = [] } = methodFields[method]
  const isOther = (given: Given) => given.auth_method !== method
  const [first] = oneOf
  return [
    ...needs.map((field) => ({
      field,
      error: `is required for auth_method ${method}`,
      holds: (given: Given) => isOther(given) || has(given, field),
    })),
    ...(first === undefined
      ? []
      : [
          {
            field: first,
            error: `is required for auth_method ${method}: enter one of ${oneOf.join(", ")}`,
            holds: (given: Given) => isOther(given) || oneOf.some((field) => has(given, field)),
          },
        ]),
  ]
}

function belongsTo(field: string): FieldRule {
  const methods = authMethods.filter((method) => {
    const { needs, oneOf = [], takes } = methodFields[method]
    return [...needs, ...oneOf, ...takes].includes(field)
  })
  return {
    field,
    error: `is only allowed for auth_method ${methods.join(", ")}`,
    holds: ({ auth_method: method, ...rest }) =>
      !has(rest, field) || !authMethods.some((each) => each === method) || methods.some((each) => each === method),
  }
}
