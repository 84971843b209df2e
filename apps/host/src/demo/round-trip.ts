import { timingSafeEqual } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import * as z from "zod"
import type { HostAddresses } from "../host.ts"
import { generatedDataKey, serviceKeyAnswer, serviceKeyList, unwrappedDataKey } from "../schemas/data-key.ts"
import { activationAnswer, keystoreAnswer } from "../schemas/keystore.ts"
import { tenantAnswer, tenantList } from "../schemas/tenant.ts"
import { tenantVerification } from "../schemas/verification.ts"
import { CliError } from "./cli-error.ts"
import { creationHeaders, tenantPath } from "./context.ts"
import { exitCodes } from "./exit-codes.ts"
import { createHostClient, type HostClient } from "./host-client.ts"

const tenantId = "demo"
const keystoreId = "local"
const serviceKeyName = "orders"
const dataKeys = tenantPath(tenantId, "service-keys", serviceKeyName, "data-keys")

/**
 * Makes a tenant with a software keystore where there is none yet, and shows one round trip through the API: L1 to L2 to
 * L3 to a data key, and back from its envelope.
 */
export async function showRoundTrip(addresses: HostAddresses, print: (line: string) => void): Promise<void> {
  const { apiUrl, administratorHeaderPath } = addresses
  const host = createHostClient({ url: apiUrl, headerFile: administratorHeaderPath })
  print("\nOne data key, from a master key that stays in its keystore (tenant demo)\n")
  await prepare(host)

  const [verification, verifyMs] = await timed(
    host.request({ method: "GET", path: tenantPath(tenantId, "verify") }, tenantVerification),
  )
  const tenantKey = verification.tenant_keys.at(-1)
  const wrap = tenantKey?.wraps[0]
  print(row("L1", `key "${wrap?.l1_key_id}" in keystore "${wrap?.keystore_id}": never leaves it`))
  print(row("L2", `tenant key ${tenantKey?.key_id} version ${tenantKey?.version}, unwrapped by L1`, verifyMs))
  print(row("L3", `service key "${serviceKeyName}", wrapped by L2`))
  const [generated, generateMs] = await timed(
    host.request({ method: "POST", path: dataKeys, body: {} }, generatedDataKey),
  )
  print(row("L4", "data key generated, with its envelope", generateMs))
  const unwrapMs = await unwrapAndCompare(host, generated)
  print(row("", "envelope unwrapped: the same 32 bytes", unwrapMs))
  print(row("audit", `entry ${generated.audit_entry_id}`))
  print(await firstEnvelope(host, dirname(administratorHeaderPath), generated.envelope))
  hints(addresses, print)
}

async function prepare(host: HostClient): Promise<void> {
  const { tenants } = await host.request({ method: "GET", path: "/v1/tenants" }, tenantList)
  if (!tenants.some((tenant) => tenant.tenant_id === tenantId)) {
    await create(host, "/v1/tenants", { tenant_id: tenantId, display_name: "Demo" }, tenantAnswer)
  }
  const keystores = tenantPath(tenantId, "keystores")
  const stored = await host.request(
    { method: "GET", path: keystores },
    z.object({ keystores: z.array(keystoreAnswer) }),
  )
  if (!stored.keystores.some((keystore) => keystore.plugin_name === keystoreId)) {
    const document = { plugin_type: "local_keystore", plugin_name: keystoreId, configuration: { key_name: "default" } }
    await create(host, keystores, document, keystoreAnswer)
  }
  const activate = { method: "POST", path: `${keystores}/${keystoreId}/activate`, body: {} } as const
  await host.request(activate, activationAnswer)
  const serviceKeys = tenantPath(tenantId, "service-keys")
  const { service_keys: keys } = await host.request({ method: "GET", path: serviceKeys }, serviceKeyList)
  if (!keys.some((key) => key.name === serviceKeyName)) {
    await create(host, serviceKeys, { name: serviceKeyName }, serviceKeyAnswer)
  }
}

async function create(host: HostClient, path: string, body: unknown, schema: z.ZodType<unknown>): Promise<void> {
  await host.request({ method: "POST", path, body, headers: creationHeaders() }, schema)
}

async function unwrapAndCompare(host: HostClient, generated: z.output<typeof generatedDataKey>): Promise<number> {
  const body = { envelope: generated.envelope }
  const [unwrapped, ms] = await timed(
    host.request({ method: "POST", path: `${dataKeys}/unwrap`, body }, unwrappedDataKey),
  )
  const same = timingSafeEqual(Buffer.from(unwrapped.plaintext, "base64"), Buffer.from(generated.plaintext, "base64"))
  if (same) return ms
  throw new CliError(
    exitCodes.notProved,
    "The envelope did not open to the same key.",
    "This is a fault of the program: report it.",
  )
}

/** Keeps the envelope of the first start, and opens it at each later one. */
async function firstEnvelope(host: HostClient, dataDirectory: string, envelope: string): Promise<string> {
  const file = join(dataDirectory, "demo.envelope")
  try {
    await writeFile(file, envelope, { flag: "wx" })
    return row("", `envelope kept in ${relative(process.cwd(), file)}: the next start opens it`)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
  }
  const kept = (await readFile(file, "utf8")).trim()
  await host.request({ method: "POST", path: `${dataKeys}/unwrap`, body: { envelope: kept } }, unwrappedDataKey)
  return row("", `envelope of the first start (${relative(process.cwd(), file)}) still opens`)
}

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const startedAt = performance.now()
  return [await work, performance.now() - startedAt]
}

function row(level: string, text: string, ms?: number): string {
  return `  ${level.padEnd(6)} ${text.padEnd(75)} ${ms === undefined ? "" : `${ms.toFixed(1)} ms`}`.trimEnd()
}

function hints({ apiUrl, operationsUrl, administratorHeaderPath }: HostAddresses, print: (line: string) => void): void {
  const header = `-H @${relative(process.cwd(), administratorHeaderPath)}`
  print(`\nThe host serves ${apiUrl} (operations: ${operationsUrl}). Try, in another terminal:\n`)
  print(`  curl -s ${header} ${apiUrl}/v1/tenants`)
  print(`  curl -s ${header} --json '{}' ${apiUrl}${dataKeys}`)
  print(`  curl -s ${header} '${apiUrl}${tenantPath(tenantId, "audit", "entries")}?limit=5'`)
  print("  ./apeiro-cmk --help")
  print("\nCtrl-C ends it; the next start keeps the data.")
}
