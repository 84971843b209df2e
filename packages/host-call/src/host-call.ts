import type { AuditActor } from "@apeiro-cmk/audit-log"
import type { CallOptions } from "@apeiro-cmk/plugin-interface"

/** Facts that travel with each call inside the host: the plugin's call options, and who asked. */
export interface HostCall extends CallOptions {
  readonly actor: AuditActor
}
