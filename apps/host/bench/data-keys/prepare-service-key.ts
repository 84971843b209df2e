import * as z from "zod"
import { hostClient } from "../../test/host-client.ts"

/**
 * Makes the tenant `bench` with an active keystore and the service key `orders`.
 * @returns a workload's token of that tenant
 */
export async function prepareServiceKey(url: string, administratorToken: string): Promise<string> {
  const host = hostClient(url, administratorToken)
  const tenant = "/v1/tenants/bench"
  const keystore = { plugin_type: "local_keystore", plugin_name: "local", configuration: { key_name: "default" } }
  await host.expect(201, "POST", "/v1/tenants", { tenant_id: "bench", display_name: "Benchmark" })
  await host.expect(201, "POST", `${tenant}/keystores`, keystore)
  await host.expect(200, "POST", `${tenant}/keystores/local/activate`, {})
  await host.expect(201, "POST", `${tenant}/service-keys`, { name: "orders" })
  const answer = await host.expect(201, "POST", `${tenant}/tokens`, { role: "workload" })
  return z.object({ token: z.string() }).parse(answer).token
}
