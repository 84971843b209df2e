import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as z from "zod"
import { wholeAudit } from "../audit-reading.ts"
import { startTestHost, type TestFolder, type TestHost } from "../test-host.ts"
import { objects } from "../values.ts"
import type { ExpectedData, ExpectedTenant } from "./expected.ts"
import {
  addInactiveKeystores,
  addKeys,
  addRefusedPlatformKeystore,
  addTenant,
  failAsCaller,
  makeDataKeys,
  makeTokens,
  readBack,
} from "./fill-tenant.ts"

const tenantIds = ["acme", "beta"] as const
const secretId = "test-secret-id-of-keystore-far"

/** Files of a fixture outside its data folder and database: names and texts. */
export type FixtureFiles = ReadonlyMap<string, string>

/**
 * Fills the data of a host through its API in three runs: the first makes tenants with keys, tokens and refused requests,
 * the second meets a disabled L1 key, and the third, with that key enabled again, makes more data keys and the exports.
 *
 * @returns `expected.json`, the audit export and key export of each tenant, and the audit export of the platform
 */
export async function fill(folder: TestFolder): Promise<FixtureFiles> {
  const filled = await duringRun(folder, fillTenants)
  await setKeyEnabled(folder, "second", false)
  await duringRun(folder, useDisabledKey)
  await setKeyEnabled(folder, "second", true)
  return duringRun(folder, (host) => finish(host, filled))
}

async function duringRun<T>(folder: TestFolder, work: (host: TestHost) => Promise<T>): Promise<T> {
  const host = await startTestHost({ replica: "writer" }, folder)
  try {
    return await work(host)
  } finally {
    await host.stop()
  }
}

async function fillTenants(host: TestHost): Promise<readonly ExpectedTenant[]> {
  await addTenant(host, "acme", { display_name: "Acme Überseehandel" })
  await addInactiveKeystores(host, "acme", secretId)
  await addRefusedPlatformKeystore(host, "acme")
  await addKeys(host, "acme", "default")
  await addTenant(host, "beta", { custody_mode: "hyok", lease_ms: 2000 })
  await addKeys(host, "beta", "second")
  const filled: ExpectedTenant[] = []
  for (const tenantId of tenantIds) {
    const dataKeys = [...(await makeDataKeys(host, tenantId))]
    const tenant = { ...(await readBack(host, tenantId)), ...(await makeTokens(host, tenantId)), dataKeys }
    await failAsCaller(host, tenant)
    filled.push(tenant)
  }
  return filled
}

/** Has the keystore refuse, so that the audit log records failures with origin `keystore`. */
async function useDisabledKey(host: TestHost): Promise<void> {
  const refused = await host.administrator.send("POST", "/v1/tenants/beta/service-keys/payments/data-keys", {
    body: {},
  })
  if (refused.body.code !== "KEY_DISABLED") throw new Error(`The disabled key was not refused: ${refused.text}`)
  const verified = await host.administrator.expect(200, "GET", "/v1/tenants/beta/verify")
  if (verified.verified !== false) throw new Error("The disabled key was verified.")
}

async function finish(host: TestHost, filled: readonly ExpectedTenant[]): Promise<FixtureFiles> {
  const { administrator } = host
  const files = new Map<string, string>()
  const tenants: ExpectedTenant[] = []
  for (const tenant of filled) {
    const dataKeys = [...tenant.dataKeys, ...(await makeDataKeys(host, tenant.tenantId))]
    tenants.push({ ...tenant, ...(await readBack(host, tenant.tenantId)), dataKeys })
    const exported = await administrator.expect(200, "GET", `/v1/tenants/${tenant.tenantId}/key-export`)
    files.set(`${tenant.tenantId}.keys.json`, json(exported))
    await wholeAudit(administrator, tenant.tenantId)
    const audit = await administrator.send("GET", `/v1/tenants/${tenant.tenantId}/audit/export`)
    files.set(`${tenant.tenantId}.audit.jsonl`, audit.text)
  }
  const platform = await administrator.send("GET", "/v1/platform/audit/export")
  files.set("platform.audit.jsonl", platform.text)
  const { keystores } = await administrator.expect(200, "GET", "/v1/platform/keystores")
  const expected: ExpectedData = {
    note: "Test data: these tokens, keys and secrets belong to no real system.",
    writtenAt: new Date().toISOString(),
    secretId,
    platformKeystores: [...objects(keystores)],
    tenants,
  }
  return files.set("expected.json", json(expected))
}

const keyFile = z.looseObject({ keys: z.record(z.string(), z.looseObject({ enabled: z.boolean() })) })

async function setKeyEnabled({ dataDirectory }: TestFolder, name: string, enabled: boolean): Promise<void> {
  const path = join(dataDirectory, "local-keystore.key")
  const content = keyFile.parse(JSON.parse(await readFile(path, "utf8")))
  const key = content.keys[name]
  if (key === undefined) throw new Error(`${path} has no key ${name}`)
  key.enabled = enabled
  await writeFile(path, json(content))
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
