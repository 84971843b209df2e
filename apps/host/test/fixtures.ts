import type { HostClient } from "./host-client.ts"
import type { TestHost } from "./test-host.ts"
import { text } from "./values.ts"

/** Makes the document of a local keystore. */
export const localKeystore = (name = "local", keyName = "default") => ({
  plugin_type: "local_keystore",
  plugin_name: name,
  configuration: { key_name: keyName },
})

/** Adds a tenant with an active local keystore and the service key `payments`. @returns the path of its data keys */
export async function tenantWithKeys(host: TestHost, tenant: string, keyName = "default"): Promise<string> {
  const { administrator } = host
  await administrator.expect(201, "POST", "/v1/tenants", { tenant_id: tenant })
  await administrator.expect(201, "POST", `/v1/tenants/${tenant}/keystores`, localKeystore("local", keyName))
  await administrator.expect(200, "POST", `/v1/tenants/${tenant}/keystores/local/activate`)
  await administrator.expect(201, "POST", `/v1/tenants/${tenant}/service-keys`, { name: "payments" })
  return `/v1/tenants/${tenant}/service-keys/payments/data-keys`
}

/** Makes a token of a tenant and a client that sends it. */
export async function tenantClient(
  host: TestHost,
  tenant: string,
  role: "reader" | "administrator" | "workload",
): Promise<HostClient & { readonly tokenId: string; readonly token: string }> {
  const made = await host.administrator.expect(201, "POST", `/v1/tenants/${tenant}/tokens`, { role })
  const token = text(made.token)
  return { ...host.client(token), tokenId: text(made.token_id), token }
}
