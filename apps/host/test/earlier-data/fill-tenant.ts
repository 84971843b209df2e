import { setTimeout as pause } from "node:timers/promises"
import { localKeystore, tenantClient } from "../fixtures.ts"
import type { TestHost } from "../test-host.ts"
import { object, objects, text } from "../values.ts"
import { waitFor } from "../wait-for.ts"
import type { ExpectedTenant } from "./expected.ts"
import { openBaoAddress } from "./refusing-openbao.ts"

type DataKey = ExpectedTenant["dataKeys"][number]

/** Adds a tenant, with an `Idempotency-Key`. */
export async function addTenant({ administrator }: TestHost, tenantId: string, options: object): Promise<void> {
  const headers = { "idempotency-key": `add-${tenantId}` }
  await administrator.send("POST", "/v1/tenants", { body: { tenant_id: tenantId, ...options }, headers })
}

/** Gives a tenant an active local keystore and two service keys. */
export async function addKeys({ administrator }: TestHost, tenantId: string, keyName: string): Promise<void> {
  const path = `/v1/tenants/${tenantId}`
  await administrator.expect(201, "POST", `${path}/keystores`, localKeystore("local", keyName))
  await administrator.expect(200, "POST", `${path}/keystores/local/test`)
  await administrator.expect(200, "POST", `${path}/keystores/local/activate`)
  await administrator.expect(201, "POST", `${path}/service-keys`, { name: "payments" })
  await administrator.expect(201, "POST", `${path}/service-keys`, { name: "orders" })
}

/** Adds an inactive keystore with a stored secret, one whose key does not exist, and one that it removes again. */
export async function addInactiveKeystores(host: TestHost, tenantId: string, secretId: string): Promise<void> {
  const { administrator } = host
  const path = `/v1/tenants/${tenantId}/keystores`
  await administrator.expect(201, "POST", path, {
    plugin_type: "openbao",
    plugin_name: "far",
    configuration: {
      vault_address: openBaoAddress,
      auth_method: "approle",
      role_id: "role-1",
      secret_id: secretId,
      mount_path: "openkcm-keys",
      key_name: "l1",
    },
  })
  await administrator.expect(200, "POST", `${path}/far/test`)
  await administrator.expect(201, "POST", path, localKeystore("missing", "missing"))
  await administrator.expect(409, "POST", `${path}/missing/activate`)
  await administrator.expect(201, "POST", path, localKeystore("removed", "missing"))
  const { headers } = await administrator.send("GET", `${path}/removed`)
  await administrator.send("DELETE", `${path}/removed`, { headers: { "if-match": headers.get("etag") ?? "" } })
}

/** Requests a platform keystore, and waits until the server has refused it. */
export async function addRefusedPlatformKeystore({ administrator }: TestHost, tenantId: string): Promise<void> {
  const wanted = { tenant_id: tenantId, plugin_type: "openbao", plugin_name: "platform" }
  await administrator.expect(202, "POST", "/v1/platform/keystores", wanted)
  await waitFor("the platform keystore has failed", async () => {
    const seen = await administrator.expect(200, "GET", `/v1/platform/keystores/${tenantId}/platform`)
    return seen.state === "failed" ? seen : undefined
  })
}

/** Generates a data key with each service key, and rewraps it. */
export async function makeDataKeys(host: TestHost, tenantId: string): Promise<readonly DataKey[]> {
  const made: DataKey[] = []
  for (const serviceKey of ["payments", "orders"]) {
    const path = `/v1/tenants/${tenantId}/service-keys/${serviceKey}/data-keys`
    const { envelope, plaintext } = await host.administrator.expect(200, "POST", path, {})
    const rewrapped = await host.administrator.expect(200, "POST", `${path}/rewrap`, { envelope })
    for (const each of [envelope, rewrapped.envelope]) {
      made.push({ serviceKey, envelope: text(each), plaintext: text(plaintext) })
    }
  }
  return made
}

/** Creates a token for each role, a revoked one and an expired one. */
export async function makeTokens(
  host: TestHost,
  tenantId: string,
): Promise<Pick<ExpectedTenant, "tokens" | "refusedTokens">> {
  const path = `/v1/tenants/${tenantId}/tokens`
  const tokens: ExpectedTenant["tokens"] = []
  for (const role of ["reader", "administrator", "workload"] as const) {
    tokens.push({ role, token: (await tenantClient(host, tenantId, role)).token })
  }
  const revoked = await tenantClient(host, tenantId, "administrator")
  await host.administrator.expect(204, "DELETE", `${path}/${revoked.tokenId}`)
  const expired = await host.administrator.expect(201, "POST", path, { role: "administrator", expires_in_seconds: 1 })
  await pause(Math.max(0, Date.parse(text(expired.expires_at)) - Date.now()))
  return {
    tokens,
    refusedTokens: [
      { reason: "revoked", token: revoked.token },
      { reason: "expired", token: text(expired.token) },
    ],
  }
}

/** Sends requests that the host refuses, so that the audit log records failures with origin `caller`. */
export async function failAsCaller(host: TestHost, { tenantId, tokens, dataKeys }: ExpectedTenant): Promise<void> {
  const dataKeysPath = `/v1/tenants/${tenantId}/service-keys/payments/data-keys`
  const reader = host.client(tokens.find(({ role }) => role === "reader")?.token)
  await reader.expect(403, "POST", dataKeysPath, {})
  await host.client("not-a-token").expect(401, "GET", `/v1/tenants/${tenantId}`)
  const altered = Buffer.from(dataKeys[0]?.envelope ?? "", "base64")
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1
  await host.administrator.expect(400, "POST", `${dataKeysPath}/unwrap`, { envelope: altered.toString("base64") })
}

/** Reads a tenant with its keystores and service keys. */
export async function readBack(
  host: TestHost,
  tenantId: string,
): Promise<Pick<ExpectedTenant, "tenantId" | "tenant" | "keystores" | "serviceKeys">> {
  const path = `/v1/tenants/${tenantId}`
  const { tenant_id, display_name, custody, created_at } = await host.administrator.expect(200, "GET", path)
  const { mode, lease_ms } = object(custody)
  const { keystores } = await host.administrator.expect(200, "GET", `${path}/keystores`)
  const { service_keys } = await host.administrator.expect(200, "GET", `${path}/service-keys`)
  return {
    tenantId,
    tenant: { tenant_id, display_name, custody: { mode, lease_ms }, created_at },
    keystores: [...objects(keystores)],
    serviceKeys: [...objects(service_keys)],
  }
}
