import { partitionOf } from "./arns.ts"

/** AWS services that this plugin uses. */
export type AwsService = "kms" | "sts" | "rolesanywhere"

/** The operator's settings for addresses. */
export interface EndpointSettings {
  /** FIPS 140 validated endpoints, for KMS and STS. */
  readonly useFipsEndpoints: boolean
  /** Addresses to use instead of the public ones, e.g. of VPC endpoints; `{region}` stands for the region. */
  readonly endpoints: { readonly [service in AwsService]?: string | undefined }
}

const domains: Readonly<Record<string, string>> = { "aws-cn": "amazonaws.com.cn" }
const defaultDomain = "amazonaws.com"

/** Returns the address of a service in a region. Source: AWS General Reference, service endpoints. */
export function endpointOf(service: AwsService, region: string, settings: EndpointSettings): string {
  const replaced = settings.endpoints[service]?.replaceAll("{region}", region)
  if (replaced !== undefined) return replaced
  const partition = partitionOf(region)
  // In GovCloud the ordinary STS endpoints are already FIPS validated.
  const isFipsByNature = service === "sts" && partition === "aws-us-gov"
  const name = settings.useFipsEndpoints && !isFipsByNature ? `${service}-fips` : service
  return `https://${name}.${region}.${domains[partition] ?? defaultDomain}`
}
