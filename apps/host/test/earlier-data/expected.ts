import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as z from "zod"

const document = z.record(z.string(), z.unknown())

const expectedTenant = z.strictObject({
  tenantId: z.string(),
  /** The tenant, its keystores and its service keys as the API answered. */
  tenant: document,
  keystores: z.array(document),
  serviceKeys: z.array(document),
  /** One token of each role. */
  tokens: z.array(z.strictObject({ role: z.enum(["reader", "administrator", "workload"]), token: z.string() })),
  refusedTokens: z.array(z.strictObject({ reason: z.string(), token: z.string() })),
  /** Envelopes with the base64 plaintext that each must open to. */
  dataKeys: z.array(z.strictObject({ serviceKey: z.string(), envelope: z.string(), plaintext: z.string() })),
})

const expectedData = z.strictObject({
  note: z.string(),
  /** Time of writing: a host that opens the data starts its clock here, because tokens expire. */
  writtenAt: z.iso.datetime(),
  /** Secret of the keystore `far`, which the database holds sealed. */
  secretId: z.string(),
  platformKeystores: z.array(document),
  tenants: z.array(expectedTenant),
})

/** Content of `expected.json`: what a host must find in earlier data. */
export type ExpectedData = z.output<typeof expectedData>

/** Content of `expected.json` for one tenant. */
export type ExpectedTenant = z.output<typeof expectedTenant>

/** Reads the `expected.json` of a fixture. */
export async function readExpected(fixture: string): Promise<ExpectedData> {
  return expectedData.parse(JSON.parse(await readFile(join(fixture, "expected.json"), "utf8")))
}
