import type { JsonValue, UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import { configurationError, parseConfiguration, pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { encodeAccessData } from "./access-data.ts"
import { parseArn, regionForm } from "./arns.ts"
import { keystoreConfiguration } from "./config.ts"

type Members = Readonly<Record<string, JsonValue>>

/**
 * Access data of the upstream host, in both shapes: Roles Anywhere (`trustAnchorArn`, `profileArn`, `roleArn`) and web
 * identity (`roleArn`, `externalId`). Other members, e.g. `certificateSubject`, are ignored.
 */
const accessData = z.looseObject({
  trustAnchorArn: z.string().optional(),
  profileArn: z.string().optional(),
  roleArn: z.string().optional(),
  externalId: z.string().optional(),
  region: z.string().optional(),
})

/** The plugin's name for each of the host's members. */
const fields = {
  trustAnchorArn: "trust_anchor_arn",
  profileArn: "profile_arn",
  roleArn: "role_arn",
  externalId: "external_id",
  region: "region",
} as const

/** AWS KMS under the upstream host. The key is the native key id; the host's certificate logs in by Roles Anywhere. */
export const upstreamHooks: UpstreamKeystoreHooksV1 = {
  keystoreConfiguration({ clientCert, privateKey, ...values }, nativeKeyId, region) {
    const own = ownFields(values)
    // The host does not name the tenant, so no external id can be derived here.
    const certificate = isAnywhere(own)
      ? { client_certificate: clientCert ?? "", client_key: privateKey ?? "" }
      : { external_id: own.external_id ?? "" }
    return {
      ...own,
      ...certificate,
      kms_key_id: nativeKeyId === "" ? placeholderKey : nativeKeyId,
      ...placeOf(own, nativeKeyId, region),
    }
  },

  validateKey({ algorithm, region }) {
    if (algorithm !== "AES256") {
      throw pluginError("INVALID_REQUEST", "Keys of AWS KMS must be AES-256 keys.", "Use the algorithm AES256.")
    }
    if (!regionForm.test(region)) {
      throw pluginError(
        "INVALID_REQUEST",
        "Not a valid AWS region.",
        "Enter the name that AWS uses, e.g. eu-central-1.",
      )
    }
  },

  validateKeyAccessData(management, crypto) {
    requireAccessData(management)
    for (const data of Object.values(crypto)) requireAccessData(asMembers(data))
  },

  transformCryptoAccessData: (nativeKeyId, crypto) =>
    new Map(
      Object.entries(crypto).map(([region, data]) => {
        const { trustAnchorArn = "", profileArn = "", roleArn = "" } = requireShape(asMembers(data))
        return [region, encodeAccessData({ keyArn: nativeKeyId, trustAnchorArn, profileArn, roleArn })]
      }),
    ),

  extractKeyRegion(nativeKeyId, management) {
    const { service, region } = parseArn(nativeKeyId) ?? { service: "", region: "" }
    if (service === "kms" && region !== "") return region
    if (typeof management.region === "string" && management.region !== "") return management.region
    throw pluginError("INVALID_REQUEST", "The native key id is not the ARN of a KMS key.", "Enter the key's ARN.")
  },
}

/** Stands for the key when the host names none, e.g. to create one. */
const placeholderKey = "00000000-0000-0000-0000-000000000000"

function ownFields(values: Members): Members {
  const named = Object.entries(fields).flatMap(([theirs, ours]) => {
    const value = values[theirs]
    return value === undefined ? [] : [[ours, value] as const]
  })
  const own = Object.fromEntries(named)
  return { auth_method: isAnywhere(own) ? "roles_anywhere" : "web_identity", ...own }
}

function isAnywhere(own: Members): boolean {
  return own.trust_anchor_arn !== undefined || own.profile_arn !== undefined
}

/** A key given only by its id is in the region of the access data, or of the trust anchor. */
function placeOf({ region, trust_anchor_arn: anchor }: Members, nativeKeyId: string, asked: string): Members {
  if (region !== undefined || parseArn(nativeKeyId) !== undefined) return {}
  if (asked !== "") return { region: asked }
  const place = typeof anchor === "string" ? parseArn(anchor)?.region : undefined
  return place === undefined ? {} : { region: place }
}

const anywhereShape = ["trustAnchorArn", "profileArn", "roleArn"] as const
const webIdentityShape = ["roleArn", "externalId"] as const

/** @throws {PluginError} INVALID_REQUEST - a field is missing; `issues` uses the host's names */
function requireShape(members: Members): z.output<typeof accessData> {
  const read = parseConfiguration(accessData, members)
  if (!read.ok) throw configurationError(read.issues)
  const shape = isAnywhere(ownFields(members)) ? anywhereShape : webIdentityShape
  const missing = shape.filter((name) => !read.value[name])
  if (missing.length > 0) throw configurationError(missing.map((name) => ({ path: [name], message: "is missing" })))
  return read.value
}

/** @throws {PluginError} INVALID_REQUEST - a field is missing or malformed; `issues` uses the host's names */
function requireAccessData(members: Members): void {
  requireShape(members)
  const own = ownFields(members)
  const certificate = isAnywhere(own) ? { client_certificate: "later", client_key: "later" } : {}
  const complete = { ...own, ...certificate, kms_key_id: placeholderKey, region: regionFor(own) }
  const parsed = parseConfiguration(keystoreConfiguration, complete)
  if (parsed.ok) return
  const theirs = (name: unknown) => Object.entries(fields).find(([, ours]) => ours === name)?.[0]
  throw configurationError(
    parsed.issues.map((issue) => ({ ...issue, path: issue.path.map((part) => theirs(part) ?? part) })),
  )
}

/** Any region of the role's own partition, because the key determines the region later. */
function regionFor({ region, role_arn: role }: Members): JsonValue {
  if (region !== undefined) return region
  const partition = typeof role === "string" ? parseArn(role)?.partition : undefined
  const regions: Readonly<Record<string, string>> = { "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1" }
  return regions[partition ?? ""] ?? "us-east-1"
}

function asMembers(value: JsonValue): Members {
  if (isMembers(value)) return value
  throw configurationError([{ path: [], message: "must be an object for each region" }])
}

function isMembers(value: JsonValue): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
