/**
 * How much the hierarchy costs beside the cryptography that it cannot avoid: one data key made and unwrapped from a warm
 * service key, against a bare loop of the same primitives. In process; the audit entry is taken by memory, since the cost
 * of a durable commit is the database's.
 *
 *   node packages/key-hierarchy/bench/data-keys.ts [ROUNDS]
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto"
import type { AuditEvent, AuditRecorder, HostCall, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import { systemClock, systemRandom } from "@apeiro-cmk/plugin-sdk/services"
import {
  createKeyHierarchy,
  type KeyRepository,
  type L1Port,
  type PreparedTenantKey,
  type ServiceKeyRecord,
} from "../src/index.ts"

const target = 0.7
const pairsPerRound = 250
const warmUpPairs = 5_000
const rounds = Number(process.argv[2] ?? 160)

const call: HostCall = {
  signal: new AbortController().signal,
  deadlineMs: Number.MAX_SAFE_INTEGER,
  tenantId: "acme",
  actor: { type: "host", id: "bench" },
  requestId: "bench",
}

/** The least that the same guarantees cost: fresh salt, derivation, commitment, AES-256-GCM, both ways. */
function bareLoop(): () => Promise<Uint8Array> {
  const parent = createSecretKey(randomBytes(32))
  const header = randomBytes(148)
  const info = randomBytes(148 + 29)
  const nonce = Buffer.alloc(12)
  const derive = (salt: Uint8Array) => Buffer.from(hkdfSync("sha512", parent, salt, info, 64))
  return async () => {
    const dataKey = randomBytes(32)
    const salt = randomBytes(32)
    const derived = derive(salt)
    const cipher = createCipheriv("aes-256-gcm", createSecretKey(derived.subarray(0, 32)), nonce, { authTagLength: 16 })
    cipher.setAAD(header)
    const ciphertext = Buffer.concat([cipher.update(dataKey), cipher.final()])
    const tag = cipher.getAuthTag()

    const again = derive(salt)
    if (!timingSafeEqual(again.subarray(32), derived.subarray(32))) throw new Error("the commitment differs")
    const key = createSecretKey(again.subarray(0, 32))
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 })
    decipher.setAAD(header).setAuthTag(tag)
    return Buffer.concat([decipher.update(ciphertext), decipher.final()])
  }
}

async function hierarchyLoop() {
  const hierarchy = await warmHierarchy()
  const pair = async () => {
    const { envelope } = await hierarchy.generateDataKey("acme", "bench", call)
    return (await hierarchy.unwrapDataKey("acme", "bench", envelope, call)).plaintext
  }
  return { pair, close: () => hierarchy.close() }
}

async function warmHierarchy() {
  const tenantKeys: PreparedTenantKey[] = []
  const serviceKeys: ServiceKeyRecord[] = []
  const keys: KeyRepository = {
    custody: async () => ({ epoch: 1, leaseMs: 300_000 }),
    activeTenantKey: async () => tenantKeys.at(-1),
    tenantKey: async () => tenantKeys.at(-1),
    tenantKeys: async () => tenantKeys,
    serviceKeyByName: async () => serviceKeys.at(-1),
    serviceKey: async () => serviceKeys.at(-1),
    serviceKeys: async () => serviceKeys,
    async insertServiceKey(record) {
      serviceKeys.push(record)
    },
  }
  // L1 is asked before the measurement only; an in-memory one keeps what it "wraps".
  const wrapped = new Map<string, Uint8Array>()
  const l1: L1Port = {
    async encrypt({ plaintext }) {
      const ciphertext = randomBytes(60)
      wrapped.set(ciphertext.toString("hex"), Buffer.from(plaintext))
      return { ciphertext, l1KeyId: "l1", l1KeyIdentity: "bench", l1KeyVersion: "1" }
    },
    async decrypt({ ciphertext }) {
      return { plaintext: Buffer.from(wrapped.get(Buffer.from(ciphertext).toString("hex")) ?? []) }
    },
  }
  const ignore = () => undefined
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const services = { keys, l1, audit: inMemoryAudit(), clock: systemClock, random: systemRandom, logger }
  const hierarchy = createKeyHierarchy(services)
  tenantKeys.push(await hierarchy.prepareTenantKey("acme", "bench", call))
  await hierarchy.createServiceKey("acme", "bench", call)
  return hierarchy
}

function inMemoryAudit(): AuditRecorder {
  const leaf = new Uint8Array(0)
  let recorded = 0
  const prepare = (event: AuditEvent): PreparedAuditEntry => {
    recorded += 1
    return { entryId: String(recorded), tenantId: event.tenantId, recordedAtMs: 0, leaf }
  }
  return { prepare, record: async (event) => prepare(event) }
}

async function measure(pair: () => Promise<Uint8Array>, pairs: number, microseconds: number[]): Promise<number> {
  const started = performance.now()
  for (let done = 0; done < pairs; done += 1) {
    const before = performance.now()
    await pair()
    microseconds.push((performance.now() - before) * 1000)
  }
  return (pairs * 1000) / (performance.now() - started)
}

/** Rate of the rounds in which nothing else ran on the machine: what disturbs a round only ever makes it slower. */
const undisturbed = (rates: readonly number[]) => percentile(rates, 0.9)
function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

const bare = { pair: bareLoop(), rates: [] as number[], microseconds: [] as number[] }
const { pair, close } = await hierarchyLoop()
const product = { pair, rates: [] as number[], microseconds: [] as number[] }

await measure(bare.pair, warmUpPairs, [])
await measure(product.pair, warmUpPairs, [])
for (let round = 0; round < rounds; round += 1) {
  // Turn about, and by turns first, so that a machine that slows down slows both.
  for (const side of round % 2 === 0 ? [bare, product] : [product, bare]) {
    side.rates.push(await measure(side.pair, pairsPerRound, side.microseconds))
  }
}
await close()

const ratio = undisturbed(product.rates) / undisturbed(bare.rates)
const row = (name: string, side: typeof bare) =>
  [
    name.padEnd(34),
    undisturbed(side.rates).toFixed(0).padStart(9),
    percentile(side.microseconds, 0.5).toFixed(1).padStart(9),
    percentile(side.microseconds, 0.99).toFixed(1).padStart(9),
  ].join("  ")
process.stdout.write(
  `${[
    `data key made and unwrapped, ${rounds} interleaved rounds of ${pairsPerRound}; rate of the fastest tenth`,
    `${"".padEnd(34)}  ${"pairs/s".padStart(9)}  ${"p50 us".padStart(9)}  ${"p99 us".padStart(9)}`,
    row("bare primitives", bare),
    row("key hierarchy, warm service key", product),
    `ratio ${ratio.toFixed(2)} (target ${target} or more): ${ratio >= target ? "reached" : "missed"}`,
  ].join("\n")}\n`,
)
process.exitCode = ratio >= target ? 0 : 1
