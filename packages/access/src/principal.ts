import type { AuditActor } from "@apeiro-cmk/audit-log"
import type { TenantRole } from "./permissions.ts"

/** A caller who has shown who it is. */
export type Principal =
  | { readonly type: "administrator" }
  | { readonly type: "token"; readonly tokenId: string; readonly tenantId: string; readonly role: TenantRole }

/** A caller who has not shown who it is: no evidence, or evidence that is unknown, expired or revoked. */
export interface Anonymous {
  readonly type: "anonymous"
}

/** Anybody who asks. */
export type Caller = Principal | Anonymous

/** The one {@link Anonymous}. */
export const anonymous: Anonymous = { type: "anonymous" }

/** Names a caller as the audit log does. */
export function auditActor(caller: Caller): AuditActor {
  switch (caller.type) {
    case "anonymous":
      return { type: "anonymous", id: "anonymous" }
    case "administrator":
      return { type: "administrator", id: "administrator" }
    case "token":
      return { type: "token", id: caller.tokenId }
  }
}
