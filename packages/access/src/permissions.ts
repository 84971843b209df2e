/** Role of a tenant's token. */
export type TenantRole = "reader" | "workload" | "administrator"

/**
 * Which roles have which permission, each within its own tenant. The platform's administrator has every permission in
 * every tenant. A tenant's administrator may use data keys, too: whoever can issue workload tokens could do so anyway, and
 * the audit log names the token that did.
 */
const rolesByPermission = {
  "catalog.read": ["reader", "workload", "administrator"],
  "health.read": ["reader", "workload", "administrator"],
  "service_keys.read": ["reader", "workload", "administrator"],
  "tenant.read": ["reader", "administrator"],
  "keystores.read": ["reader", "administrator"],
  "audit.read": ["reader", "administrator"],
  "data_keys.use": ["workload", "administrator"],
  "tokens.manage": ["administrator"],
  "keystores.write": ["administrator"],
  "service_keys.write": ["administrator"],
  "keys.verify": ["administrator"],
  "keys.export": ["administrator"],
  "platform.read": [],
  "platform.administer": [],
} as const satisfies Readonly<Record<string, readonly TenantRole[]>>

/** A permission that a role can have. */
export type Permission = keyof typeof rolesByPermission

/** Tells whether a role includes a permission. */
export function roleAllows(role: TenantRole, permission: Permission): boolean {
  const roles: readonly TenantRole[] = rolesByPermission[permission]
  return roles.includes(role)
}
