import { type ErrorOrigin, type JsonValue, type PluginAuditAction, pluginKinds } from "@apeiro-cmk/plugin-interface"

/**
 * Actions that the host itself records, spelled as upstream's audit events (openkcm/common-sdk
 * `pkg/otlp/audit/events.go`) where upstream has the event; data-key, wrap and keystore events are ours.
 */
const hostActions = [
  "tenantOnboarding",
  "configurationCreate",
  "configurationUpdate",
  "configurationDelete",
  "credentialCreate",
  "credentialDelete",
  "keystoreTest",
  "pluginTest",
  "keystoreActivate",
  "claimRelease",
  "keystoreProvisionRequest",
  "keystoreProvision",
  "keystoreRemovalRequest",
  "keystoreRemoval",
  "keyCreate",
  "keyRotate",
  "keyExport",
  "tenantKeyWrap",
  "tenantKeyUnwrap",
  "tenantKeyLeaseRenewal",
  "serviceKeyUnwrap",
  "dataKeyGenerate",
  "dataKeyUnwrap",
  "dataKeyRewrap",
  "unauthorizedRequest",
  "unauthenticatedRequest",
  "hostStart",
  "hostStop",
] as const

/** One of {@link auditActions}. */
export type AuditAction = (typeof hostActions)[number] | PluginAuditAction

/** Actions of the audit log: those of the host, and those that plugins of each kind report. */
export const auditActions: readonly AuditAction[] = [
  ...hostActions,
  ...Object.values(pluginKinds).flatMap(({ auditActions: actions }): readonly PluginAuditAction[] => actions),
]

/** Id of the log for events that belong to no tenant; it is not a valid tenant id. */
export const platformTenantId = "_platform"

/** The actor: the one who did it. */
export interface AuditActor {
  /** `administrator`: that of the platform. `token`: a bearer token of a tenant. `host`: the host on its own. */
  readonly type: "administrator" | "token" | "host" | "anonymous"
  /** Id of the token, name of the replica, ...; never plain personal data and never a secret. */
  readonly id: string
}

/** One event for the audit log of a tenant. */
export interface AuditEvent {
  /** A tenant's id, or {@link platformTenantId}. */
  readonly tenantId: string
  readonly actor: AuditActor
  readonly action: AuditAction
  readonly resource: {
    readonly type:
      | "tenant"
      | "token"
      | "keystore"
      | "credential"
      | "claim"
      | "plugin"
      | "tenantKey"
      | "serviceKey"
      | "dataKey"
      | "route"
      | "host"
    readonly id: string
    /** Version of the resource, if it has versions. */
    readonly version?: string
  }
  readonly outcome: "success" | "failure"
  /** Code and origin of the error, for a failure. */
  readonly code?: string
  readonly origin?: ErrorOrigin
  readonly keystoreId?: string
  readonly requestId?: string
  /** W3C trace id, 32 hexadecimal digits. */
  readonly traceId?: string
  /** The keystore's own id of the request. */
  readonly backendRequestId?: string
  /** Further facts; never a secret, never key material. */
  readonly facts?: Readonly<Record<string, JsonValue>>
}
