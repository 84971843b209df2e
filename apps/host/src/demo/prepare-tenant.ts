import {
  activationAnswer,
  keystoreAnswer,
  serviceKeyAnswer,
  serviceKeyList,
  tenantAnswer,
} from "@apeiro-cmk/http-api/schemas"
import type { ApiClient } from "./api-client.ts"

const tenantId = "demo"
const keystoreId = "local"

/** Path of the tenant of the demonstration. */
export const tenant = `/v1/tenants/${tenantId}`

/** Name of its service key. */
export const serviceKeyName = "orders"

/** Path of its data keys. */
export const dataKeys = `${tenant}/service-keys/${serviceKeyName}/data-keys`

/** Creates the tenant `demo` with an active software keystore and a service key, as far as they do not exist yet. */
export async function prepareTenant(host: ApiClient): Promise<void> {
  if (!(await host.has(tenant))) {
    await host.post("/v1/tenants", tenantAnswer, { tenant_id: tenantId, display_name: "Demo" })
  }
  if (!(await host.has(`${tenant}/keystores/${keystoreId}`))) {
    const document = { plugin_type: "local_keystore", plugin_name: keystoreId, configuration: { key_name: "default" } }
    await host.post(`${tenant}/keystores`, keystoreAnswer, document)
  }
  await host.post(`${tenant}/keystores/${keystoreId}/activate`, activationAnswer)
  const { service_keys: keys } = await host.get(`${tenant}/service-keys?limit=500`, serviceKeyList)
  if (!keys.some((key) => key.name === serviceKeyName)) {
    await host.post(`${tenant}/service-keys`, serviceKeyAnswer, { name: serviceKeyName })
  }
}
