/** Parts of an Amazon Resource Name that this plugin uses. */
export interface Arn {
  readonly partition: string
  readonly service: string
  /** Empty for services without regions. */
  readonly region: string
  readonly account: string
  /** E.g. `key/1234abcd-...`, `role/name`. */
  readonly resource: string
}

/** Form of a key in KMS requests: the ARN of a key or an alias, the id of a key, or `alias/NAME`. */
export const keyIdForm =
  /^(arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key\/(mrk-)?[0-9a-f-]{32,36}|alias\/[\w/-]{1,250})|(mrk-)?[0-9a-fA-F-]{32,36}|alias\/[\w/-]{1,250})$/

/** Form of a region name, e.g. `eu-central-1`. */
export const regionForm = /^[a-z]{2}(-[a-z]+)+-\d$/

/** Form of the ARN of an IAM role. */
export const roleArnForm = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/

/** Parses an ARN. @returns `undefined` for any other text */
export function parseArn(text: string): Arn | undefined {
  const [scheme, partition = "", service = "", region = "", account = "", ...rest] = text.split(":")
  if (scheme !== "arn" || rest.length === 0) return undefined
  return { partition, service, region, account, resource: rest.join(":") }
}

/** Returns the partition of a region. Source: AWS General Reference, partitions. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn"
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws"
}

/**
 * Returns the identity of a key for the claim of an L1 key: all replicas of a multi-Region key are one key.
 *
 * @param arn - ARN of the key itself, as KMS states it
 */
export function keyIdentity(arn: string): string {
  const { partition, account, resource } = parseArn(arn) ?? { partition: "", account: "", resource: "" }
  return resource.startsWith("key/mrk-") ? `arn:${partition}:kms:*:${account}:${resource}` : arn
}
