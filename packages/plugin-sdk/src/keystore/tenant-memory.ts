/** Most tenants of whom something is remembered; beyond it, the one used least recently is forgotten. */
const maximumTenants = 10_000

/**
 * Remembers a bounded number of values for each tenant, by name. Beyond the bound the tenant's own least recently used one
 * is forgotten: no tenant displaces what is remembered for another.
 */
export class TenantMemory<Value> {
  readonly #maximumPerTenant: number
  /** Least recently used first, tenants and their values alike. */
  readonly #tenants = new Map<string, Map<string, Value>>()

  constructor(maximumPerTenant: number) {
    this.#maximumPerTenant = maximumPerTenant
  }

  get(tenantId: string, name: string): Value | undefined {
    const values = this.#tenants.get(tenantId)
    const value = values?.get(name)
    if (values === undefined || value === undefined) return undefined
    moveToEnd(this.#tenants, tenantId, values)
    moveToEnd(values, name, value)
    return value
  }

  set(tenantId: string, name: string, value: Value): void {
    const values = this.#tenants.get(tenantId) ?? new Map<string, Value>()
    moveToEnd(values, name, value)
    moveToEnd(this.#tenants, tenantId, values)
    dropFirst(values, this.#maximumPerTenant)
    dropFirst(this.#tenants, maximumTenants)
  }

  delete(tenantId: string, name: string): void {
    const values = this.#tenants.get(tenantId)
    values?.delete(name)
    if (values?.size === 0) this.#tenants.delete(tenantId)
  }
}

function moveToEnd<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key)
  map.set(key, value)
}

function dropFirst<Key>(map: Map<Key, unknown>, maximum: number): void {
  const first = map.keys().next()
  if (map.size > maximum && first.done === false) map.delete(first.value)
}
