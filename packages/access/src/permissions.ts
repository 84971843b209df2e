/** Who may use a route. `public` needs no token. */
export type Permission =
  | "public"
  | "catalog.read"
  | "health.read"
  | "platform.read"
  | "platform.administer"
  | "tenant.read"
  | "tokens.manage"
  | "keystores.read"
  | "keystores.write"
  | "service_keys.read"
  | "service_keys.write"
  | "data_keys.use"
  | "audit.read"
  | "keys.export"

/** Role of a tenant's token. */
export type TenantRole = "reader" | "administrator" | "workload"

const everyone: readonly Permission[] = ["public", "catalog.read", "health.read"]
const reader: readonly Permission[] = [...everyone, "tenant.read", "keystores.read", "service_keys.read", "audit.read"]

/**
 * What each role of a tenant's token may do, within its own tenant. The platform's administrator may do everything, in
 * every tenant. A tenant's administrator may use data keys as well: who can issue workload tokens can do so anyway, and
 * the audit log then names the token that did.
 */
const permissionsByRole: Readonly<Record<TenantRole, ReadonlySet<Permission>>> = {
  reader: new Set(reader),
  workload: new Set<Permission>([...everyone, "service_keys.read", "data_keys.use"]),
  administrator: new Set<Permission>([
    ...reader,
    "tokens.manage",
    "keystores.write",
    "service_keys.write",
    "data_keys.use",
    "keys.export",
  ]),
}

/** Tells whether a role includes a permission. */
export function roleAllows(role: TenantRole, permission: Permission): boolean {
  return permissionsByRole[role].has(permission)
}
