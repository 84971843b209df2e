import { rootCertificates } from "node:tls"
import type { OpenBaoAdmin } from "@apeiro-cmk/test-backends"
import * as z from "zod"
import { type HostClient, hostClient } from "../../test/host-client.ts"
import type { HostProcess } from "./host-process.ts"
import { openBaoName } from "./neighbourhood.ts"

/** The two tenants of every host. */
export const healthyTenant = "healthy"
export const hostileTenant = "hostile"

/** Where a tenant's OpenBao is. */
export interface OpenBaoPlace {
  readonly vault_address: string
  /** The other nodes of a cluster. */
  readonly cluster_addresses?: readonly string[]
}

/** A configuration of an OpenBao keystore, as the API takes it. */
export interface KeystoreDocument {
  readonly plugin_type: "openbao"
  readonly plugin_name: string
  readonly configuration: Readonly<Record<string, unknown>>
}

/** Tokens of one tenant, and its keystore. */
export interface TenantAccess {
  readonly administrator: string
  readonly workload: string
  readonly reader: string
  /** An unsaved keystore whose test logs in by AppRole. */
  readonly keystore: KeystoreDocument
  /** Name of its L1 key, and of the policy that allows its use. */
  readonly key: string
}

/** Keystores, service keys and their sizes that a hostile tenant tries to leave behind; a quota may stop it earlier. */
const hostileKeystores = 600
const hostileServiceKeys = 400
const largeTextBytes = 60_000

/** Prepares the server for both tenants: a key, a policy and an AppRole each. */
export async function prepareOpenBao(admin: OpenBaoAdmin): Promise<void> {
  await admin.enableTransit("transit")
  await admin.enableAuth("approle")
}

/** Makes a tenant with an active keystore on the OpenBao, a lease of 2 s and the service key `orders`. */
export async function prepareTenant(
  host: HostProcess,
  tenant: string,
  admin: OpenBaoAdmin,
  server: OpenBaoPlace,
): Promise<TenantAccess> {
  const client = hostClient(host.url, host.administratorToken)
  const key = `${tenant}-${host.name}`
  await admin.createTransitKey({ mount: "transit", name: key })
  await allowKey(admin, key)
  const { roleId, secretId } = await admin.createAppRole({ name: key, policies: [key] })
  const keystore: KeystoreDocument = {
    plugin_type: "openbao",
    plugin_name: "main",
    configuration: {
      ...server,
      ...{ auth_method: "approle", role_id: roleId, secret_id: secretId, key_name: key },
    },
  }
  const path = `/v1/tenants/${tenant}`
  await client.expect(201, "POST", "/v1/tenants", { tenant_id: tenant, lease_ms: 2_000 })
  await client.expect(201, "POST", `${path}/keystores`, keystore)
  await client.expect(200, "POST", `${path}/keystores/main/activate`, {})
  await client.expect(201, "POST", `${path}/service-keys`, { name: "orders" })
  const tokenFor = async (role: string) =>
    z.object({ token: z.string() }).parse(await client.expect(201, "POST", `${path}/tokens`, { role })).token
  const unsaved = { ...keystore, plugin_name: "unsaved" }
  return {
    administrator: await tokenFor("administrator"),
    workload: await tokenFor("workload"),
    reader: await tokenFor("reader"),
    keystore: unsaved,
    key,
  }
}

/** Leaves as many keystores with large texts and as many service keys as the host lets the hostile tenant. */
export async function fillHostileTenant(host: HostProcess): Promise<string> {
  const client = hostClient(host.url, host.administratorToken)
  const certificates = largeText()
  const keystores = await untilRefused(hostileKeystores, (index) =>
    client.send("POST", `/v1/tenants/${hostileTenant}/keystores`, {
      body: {
        plugin_type: "openbao",
        plugin_name: `large-${index}`,
        configuration: {
          ...{ vault_address: "https://vault.example", auth_method: "token", token: "t", key_name: "k" },
          ca_certificate: certificates,
        },
      },
    }),
  )
  const serviceKeys = await untilRefused(hostileServiceKeys, (index) =>
    client.send("POST", `/v1/tenants/${hostileTenant}/service-keys`, { body: { name: `filler-${index}` } }),
  )
  return `the hostile tenant left ${keystores} keystores of ${Math.round(certificates.length / 1024)} KiB and ${serviceKeys} service keys`
}

/** Where the healthy tenant's keystore is: by name where the host has a name server of ours. */
export function healthyServer(openBaoPort: number, withNames: boolean): OpenBaoPlace {
  return { vault_address: `http://${withNames ? openBaoName : "127.0.0.1"}:${openBaoPort}` }
}

async function untilRefused(count: number, create: (index: number) => ReturnType<HostClient["send"]>): Promise<number> {
  for (let index = 0; index < count; index += 1) {
    const { status, text } = await create(index)
    if (status === 429 || status === 409) return index
    if (status !== 201) throw new Error(`the hostile tenant could not be filled: ${status} ${text.slice(0, 300)}`)
  }
  return count
}

function largeText(): string {
  let text = ""
  for (const certificate of rootCertificates) {
    if (text.length + certificate.length > largeTextBytes) return text
    text += `${certificate}\n`
  }
  return text
}

/** Lets the tenant's AppRole use its key. */
export function allowKey(admin: OpenBaoAdmin, key: string): Promise<void> {
  const uses = ["encrypt", "decrypt"].map((use) => `path "transit/${use}/${key}" { capabilities = ["update"] }`)
  return admin.writePolicy(key, [...uses, `path "transit/keys/${key}" { capabilities = ["read"] }`].join("\n"))
}

/** Takes the use of the key away from the tenant's AppRole. */
export function forbidKey(admin: OpenBaoAdmin, key: string): Promise<void> {
  return admin.writePolicy(key, `path "transit/keys/${key}" { capabilities = ["read"] }`)
}
