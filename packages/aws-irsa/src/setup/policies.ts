import { parseArn } from "../arns.ts"

/** One statement of an IAM policy document. */
type Statement = Readonly<Record<string, unknown>>

/** Writes the permissions of the role: least privilege for wrapping and unwrapping with one key for one tenant. */
export function permissionsPolicy(keyId: string, region: string, account: string, tenantId: string): string {
  const place = keyPlace(keyId, region, account)
  return documentOf([
    {
      Sid: "WrapKeysOfThisTenant",
      Effect: "Allow",
      Action: ["kms:Encrypt", "kms:Decrypt"],
      ...withCondition(place, { StringEquals: { "kms:EncryptionContext:tenant": tenantId } }),
    },
    {
      Sid: "SeeTheKey",
      Effect: "Allow",
      Action: ["kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListKeyRotations"],
      ...withCondition(place, {}),
    },
  ])
}

interface KeyPlace {
  readonly resource: string
  /** A policy cannot name an alias as its resource. */
  readonly alias?: string
}

function keyPlace(keyId: string, region: string, account: string): KeyPlace {
  const arn = parseArn(keyId)
  const { partition = "aws", account: owner = account } = arn ?? {}
  const resource = arn?.resource ?? (keyId.startsWith("alias/") ? keyId : `key/${keyId}`)
  const anyKey = `arn:${partition}:kms:${region}:${owner}:key/*`
  if (resource.startsWith("alias/")) return { resource: anyKey, alias: resource }
  return { resource: anyKey.replace("key/*", resource) }
}

function withCondition({ resource, alias }: KeyPlace, condition: Readonly<Record<string, unknown>>): Statement {
  const byAlias = alias === undefined ? {} : { "ForAnyValue:StringEquals": { "kms:ResourceAliases": alias } }
  const all = { ...condition, ...byAlias }
  return { Resource: resource, ...(Object.keys(all).length === 0 ? {} : { Condition: all }) }
}

/** Writes the trust policy that lets the platform's own role assume the role. */
export function trustPolicyForRole(platformRoleArn: string, externalId: string): string {
  return documentOf([
    {
      Sid: "PlatformForThisTenant",
      Effect: "Allow",
      Principal: { AWS: platformRoleArn },
      Action: "sts:AssumeRole",
      Condition: { StringEquals: { "sts:ExternalId": externalId } },
    },
  ])
}

/** Writes the trust policy that lets certificates assume the role. */
export function trustPolicyForCertificates(trustAnchorArn: string): string {
  return documentOf([
    {
      Sid: "CertificatesOfTheTrustAnchor",
      Effect: "Allow",
      Principal: { Service: "rolesanywhere.amazonaws.com" },
      Action: ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
      Condition: { ArnEquals: { "aws:SourceArn": trustAnchorArn } },
    },
  ])
}

function documentOf(statements: readonly Statement[]): string {
  return `${JSON.stringify({ Version: "2012-10-17", Statement: statements }, null, 2)}\n`
}
