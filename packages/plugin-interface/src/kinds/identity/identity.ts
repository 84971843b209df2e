import type { CallOptions } from "../../call.ts"
import type { ConfiguredOncePlugin } from "../../configured-once.ts"
import type { UpstreamIdentityV1 } from "./upstream.ts"

/** Who a token belongs to. */
export interface Principal {
  /** The issuer's id of the subject; never reused. */
  readonly subject: string
  readonly issuer: string
  readonly groups: readonly string[]
  readonly displayName?: string
}

/** A workload, known by its SPIFFE id. */
export interface WorkloadIdentity {
  /** `spiffe://<trust domain>/<path>`. */
  readonly spiffeId: string
  readonly tenantId: string
}

/** A plugin of kind `identity`. */
export interface IdentityPluginV1 extends ConfiguredOncePlugin {
  /** @throws {PluginError} CREDENTIAL_REJECTED - the token is not valid here */
  authenticate(token: string, call: CallOptions): Promise<Principal>
  /** Resolves a verified SVID. @throws {PluginError} CREDENTIAL_REJECTED - not of a known trust domain or tenant */
  resolveWorkload(svid: { readonly spiffeId: string }, call: CallOptions): Promise<WorkloadIdentity>
  /** @returns names of permissions that the principal has in the tenant; an unknown role gives none */
  permissions(principal: Principal, tenantId: string, call: CallOptions): Promise<readonly string[]>
  readonly upstream?: UpstreamIdentityV1
}
