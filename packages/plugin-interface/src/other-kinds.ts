import type { CallOptions } from "./call.ts"
import type { JsonValue } from "./manifest.ts"
import type {
  UpstreamCertificateIssuerV1,
  UpstreamIdentityV1,
  UpstreamNotificationV1,
  UpstreamSystemInformationV1,
} from "./upstream.ts"

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
export interface IdentityV1 {
  /** @throws {PluginError} CREDENTIAL_REJECTED - the token is not valid here */
  authenticate(token: string, call: CallOptions): Promise<Principal>
  /** Resolves a verified SVID. @throws {PluginError} CREDENTIAL_REJECTED - not of a known trust domain or tenant */
  resolveWorkload(svid: { readonly spiffeId: string }, call: CallOptions): Promise<WorkloadIdentity>
  /** @returns names of permissions that the principal has in the tenant; an unknown role gives none */
  permissions(principal: Principal, tenantId: string, call: CallOptions): Promise<readonly string[]>
  readonly upstream?: UpstreamIdentityV1
}

/** A request for the certificate of a component (upstream: GetCertificate; the key comes from the caller). */
export interface ComponentCertificateRequest {
  readonly tenantId: string
  readonly component: "crypto-manager" | "crypto-migrate"
  readonly commonName: string
  readonly locality: string
  /** 1 to 30. */
  readonly validityDays: number
  /** PKCS#10, PEM. */
  readonly certificateSigningRequest: string
}

/** A plugin of kind `certificate-issuer`. */
export interface CertificateIssuerV1 {
  /** @returns the chain, leaf first, PEM */
  issueComponentCertificate(request: ComponentCertificateRequest, call: CallOptions): Promise<string>
  revoke(serialNumber: string, call: CallOptions): Promise<void>
  readonly upstream?: UpstreamCertificateIssuerV1
}

/** A change of a resource that a {@link SystemInformationV1} watches. */
export interface ResourceChange {
  readonly type: "added" | "modified" | "deleted"
  readonly resource: { readonly [key: string]: JsonValue }
}

/** The answer to a validation: accepted, or refused with a reason for a human. */
export interface ResourceVerdict {
  readonly accepted: boolean
  /** Machine name of the reason, e.g. `CrossTenantReference`. */
  readonly reason: string
  readonly message: string
}

/** A plugin of kind `system-information`: is this tenant, region, account, key request valid? */
export interface SystemInformationV1 {
  validate(resource: { readonly [key: string]: JsonValue }, call: CallOptions): Promise<ResourceVerdict>
  watch(kind: string, call: CallOptions): AsyncIterable<ResourceChange>
  writeStatus(
    resource: { readonly [key: string]: JsonValue },
    status: { readonly [key: string]: JsonValue },
    call: CallOptions,
  ): Promise<void>
  readonly upstream?: UpstreamSystemInformationV1
}

/** An event to be delivered. */
export interface NotificationEvent {
  /** Unique; the same on each retry. */
  readonly id: string
  /** E.g. `l1.unreachable`, `key.rotation-failed`. */
  readonly type: string
  readonly severity: "info" | "warning" | "critical"
  readonly tenantId: string
  readonly subject: string
  readonly occurredAtMs: number
  readonly data: { readonly [key: string]: JsonValue }
}

/** A plugin of kind `notification`. The host owns the outbox and the retries. */
export interface NotificationV1 {
  /** @param target - `default`, or a target that the tenant configured */
  deliver(event: NotificationEvent, target: string, call: CallOptions): Promise<void>
  readonly upstream?: UpstreamNotificationV1
}
