import type { CallOptions } from "../../call.ts"
import type { ConfiguredOncePlugin } from "../../configured-once.ts"
import type { JsonValue } from "../../json.ts"
import type { UpstreamNotificationV1 } from "./upstream.ts"

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
export interface NotificationPluginV1 extends ConfiguredOncePlugin {
  /** @param target - `default`, or a target that the tenant configured */
  deliver(event: NotificationEvent, target: string, call: CallOptions): Promise<void>
  readonly upstream?: UpstreamNotificationV1
}
