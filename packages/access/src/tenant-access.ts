import { type Permission, roleAllows } from "./permissions.ts"
import type { Principal } from "./principal.ts"

/**
 * Tells whether a principal may do something. A tenant's token is refused for every other tenant, before anybody looks
 * whether that tenant exists.
 *
 * @param tenantId - the tenant that the request names; undefined when it names none
 */
export function isAllowed(principal: Principal, permission: Permission, tenantId: string | undefined): boolean {
  if (principal.type === "administrator") return true
  return (tenantId === undefined || tenantId === principal.tenantId) && roleAllows(principal.role, permission)
}
