/** The parts of an Amazon Resource Name that this plugin reads. */
export interface Arn {
  readonly partition: string
  readonly service: string
  /** Empty where the service has none. */
  readonly region: string
  readonly account: string
  /** E.g. `key/1234abcd-...`, `role/name`. */
  readonly resource: string
}

/** What KMS takes for a key: an ARN of a key or an alias, the id of a key, or `alias/NAME`. */
export const keyIdForm =
  /^(arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key\/(mrk-)?[0-9a-f-]{32,36}|alias\/[\w/-]{1,250})|(mrk-)?[0-9a-fA-F-]{32,36}|alias\/[\w/-]{1,250})$/

/** Name of a region, e.g. `eu-central-1`. */
export const regionForm = /^[a-z]{2}(-[a-z]+)+-\d$/

/** ARN of an IAM role. */
export const roleArnForm = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/

/** @returns `undefined` for what is no ARN */
export function parseArn(text: string): Arn | undefined {
  const [scheme, partition = "", service = "", region = "", account = "", ...rest] = text.split(":")
  if (scheme !== "arn" || rest.length === 0) return undefined
  return { partition, service, region, account, resource: rest.join(":") }
}

/** Partition of a region, by its name. Source: AWS General Reference, partitions. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn"
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws"
}

/**
 * The key as the claim of an L1 key needs it: replicas of a multi-Region key are one key, whatever their regions.
 *
 * @param arn - as KMS states it, of the key itself
 */
export function keyIdentity(arn: string): string {
  const { partition, account, resource } = parseArn(arn) ?? { partition: "", account: "", resource: "" }
  return resource.startsWith("key/mrk-") ? `arn:${partition}:kms:*:${account}:${resource}` : arn
}
