import type { AuditActor } from "@apeiro-cmk/audit-log"
import type { TenantRole } from "./permissions.ts"

/** Who makes a request, as far as its token says. */
export type Principal =
  | { readonly type: "anonymous" }
  | { readonly type: "administrator" }
  | { readonly type: "token"; readonly tokenId: string; readonly tenantId: string; readonly role: TenantRole }

/** The principal as the audit log names it. */
export function auditActor(principal: Principal): AuditActor {
  switch (principal.type) {
    case "anonymous":
      return { type: "anonymous", id: "anonymous" }
    case "administrator":
      return { type: "administrator", id: "administrator" }
    case "token":
      return { type: "token", id: principal.tokenId }
  }
}
