import { timingSafeEqual } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import { generatedDataKey, tenantVerification, unwrappedDataKey } from "@apeiro-cmk/http-api/schemas"
import type * as z from "zod"
import { exitCodes } from "../exit-codes.ts"
import type { HostAddresses } from "../host.ts"
import { ServeError } from "../serve-error.ts"
import { ApiClient } from "./api-client.ts"
import { dataKeys, prepareTenant, serviceKeyName, tenant } from "./prepare-tenant.ts"

/**
 * Shows one round trip through the API: L1 to L2 to L3 to a data key, and back from its envelope. Prints nothing before all
 * of it has succeeded.
 */
export async function showRoundTrip(addresses: HostAddresses, print: (line: string) => void): Promise<void> {
  const lines: string[] = []
  await roundTrip(addresses, (line) => lines.push(line))
  for (const line of lines) print(line)
  hints(addresses, print)
}

async function roundTrip(addresses: HostAddresses, print: (line: string) => void): Promise<void> {
  const { administratorHeaderPath } = addresses
  const host = await ApiClient.open(addresses)
  print("\nOne data key, from a master key that stays in its keystore (tenant demo)\n")
  await prepareTenant(host)

  const [verification, verifyMs] = await timed(host.get(`${tenant}/verify`, tenantVerification))
  const tenantKey = verification.tenant_keys.at(-1)
  const wrap = tenantKey?.wraps[0]
  if (wrap?.opens !== true) throw notOpened(wrap?.code, wrap?.next_step)
  print(row("L1", `key "${wrap.l1_key_id}" in keystore "${wrap.keystore_id}": never leaves it`))
  print(row("L2", `tenant key ${tenantKey?.key_id} version ${tenantKey?.version}, unwrapped by L1`, verifyMs))
  print(row("L3", `service key "${serviceKeyName}", wrapped by L2`))
  const [generated, generateMs] = await timed(host.post(dataKeys, generatedDataKey))
  print(row("L4", "data key generated, with its envelope", generateMs))
  const unwrapMs = await unwrapAndCompare(host, generated)
  print(row("", "envelope unwrapped: the same 32 bytes", unwrapMs))
  print(row("audit", `entry ${generated.audit_entry_id}`))
  print(await firstEnvelope(host, dirname(administratorHeaderPath), generated.envelope))
}

function notOpened(code = "TENANT_KEY_MISSING", nextStep = "Activate the keystore again."): ServeError {
  return new ServeError(exitCodes.keystore, `The stored wrap of the tenant key does not open: ${code}.`, nextStep)
}

async function unwrapAndCompare(host: ApiClient, generated: z.output<typeof generatedDataKey>): Promise<number> {
  const body = { envelope: generated.envelope }
  const [unwrapped, ms] = await timed(host.post(`${dataKeys}/unwrap`, unwrappedDataKey, body))
  const same = timingSafeEqual(Buffer.from(unwrapped.plaintext, "base64"), Buffer.from(generated.plaintext, "base64"))
  if (same) return ms
  throw new ServeError(
    exitCodes.notProved,
    "The envelope did not open to the same key.",
    "This is a fault of the program: report it.",
  )
}

/** Keeps the envelope of the first start, and opens it at each later one. */
async function firstEnvelope(host: ApiClient, dataDirectory: string, envelope: string): Promise<string> {
  const file = join(dataDirectory, "demo.envelope")
  try {
    await writeFile(file, envelope, { flag: "wx" })
    return row("", `envelope kept in ${relative(process.cwd(), file)}: the next start opens it`)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
  }
  const kept = (await readFile(file, "utf8")).trim()
  await host.post(`${dataKeys}/unwrap`, unwrappedDataKey, { envelope: kept })
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
  print(`  curl -s ${header} '${apiUrl}${tenant}/audit/entries?limit=5'`)
  print("  ./apeiro-cmk --help")
  print("\nCtrl-C ends it; the next start keeps the data.")
}
