import type { CallOptions } from "../../call.ts"
import type { ConfiguredOncePlugin } from "../../configured-once.ts"
import type { JsonValue } from "../../json.ts"
import type { UpstreamSystemInformationV1 } from "./upstream.ts"

/** A change of a resource that a {@link SystemInformationPluginV1} watches. */
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
export interface SystemInformationPluginV1 extends ConfiguredOncePlugin {
  validate(resource: { readonly [key: string]: JsonValue }, call: CallOptions): Promise<ResourceVerdict>
  watch(kind: string, call: CallOptions): AsyncIterable<ResourceChange>
  writeStatus(
    resource: { readonly [key: string]: JsonValue },
    status: { readonly [key: string]: JsonValue },
    call: CallOptions,
  ): Promise<void>
  readonly upstream?: UpstreamSystemInformationV1
}
