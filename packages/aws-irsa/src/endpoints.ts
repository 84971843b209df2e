import { partitionOf } from "./arns.ts"

/** Services that this plugin talks to. */
export type AwsService = "kms" | "sts" | "rolesanywhere"

/** What an operator may say about addresses. */
export interface EndpointSettings {
  /** FIPS 140 validated endpoints, for KMS and STS. */
  readonly useFipsEndpoints: boolean
  /** Addresses in place of the public ones, e.g. of VPC endpoints; `{region}` stands for the region. */
  readonly endpoints: { readonly [service in AwsService]?: string | undefined }
}

const domains: Readonly<Record<string, string>> = { "aws-cn": "amazonaws.com.cn" }
const defaultDomain = "amazonaws.com"

/** Address of a service in a region. Source: AWS General Reference, service endpoints. */
export function endpointOf(service: AwsService, region: string, settings: EndpointSettings): string {
  const replaced = settings.endpoints[service]?.replaceAll("{region}", region)
  if (replaced !== undefined) return replaced
  const partition = partitionOf(region)
  // In GovCloud the ordinary endpoints of STS are the validated ones.
  const isFipsByNature = service === "sts" && partition === "aws-us-gov"
  const name = settings.useFipsEndpoints && !isFipsByNature ? `${service}-fips` : service
  return `https://${name}.${region}.${domains[partition] ?? defaultDomain}`
}
