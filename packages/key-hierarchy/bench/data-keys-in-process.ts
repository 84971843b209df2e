/**
 * Measures what the hierarchy costs in addition to the cryptography that it cannot avoid: one data key made and unwrapped
 * from a warm service key, against a bare loop of the same primitives. In process; audit entries stay in memory, since a
 * durable commit is the cost of the database.
 *
 *   npm run bench -- data-keys-in-process [--rounds N] [--json FILE]
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto"
import { parseArgs } from "node:util"
import type { AuditEvent, AuditRecorder, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import { figure, percentile, rowWithTarget, table, targetTable, writeReport } from "@apeiro-cmk/bench"
import type { HostCall } from "@apeiro-cmk/host-call"
import { systemClock, systemRandom } from "@apeiro-cmk/plugin-sdk/services"
import {
  createKeyHierarchy,
  type KeyRepository,
  type L1Port,
  type PreparedTenantKey,
  prepareTenantKey,
  type ServiceKeyRecord,
} from "../src/index.ts"

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "160" }, json: { type: "string" } },
})
const pairsPerRound = 250
const warmUpPairs = 5_000
const rounds = Number(options.rounds)

const call: HostCall = {
  signal: new AbortController().signal,
  deadlineMs: Number.MAX_SAFE_INTEGER,
  tenantId: "acme",
  actor: { type: "host", id: "bench" },
  requestId: "bench",
}

/** Does the least that the same guarantees need: fresh salt, derivation, commitment, AES-256-GCM, both ways. */
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
    const { result: made } = await hierarchy.generateDataKey("acme", "bench", call)
    const opened = await hierarchy.unwrapDataKey("acme", "bench", made.envelope, call)
    if (!opened.holds()) throw new Error("the lease has ended")
    return opened.result.plaintext
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
  // L1 is asked only before the measurement; this one remembers what it "wraps".
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
    noteStoredWrap: () => undefined,
  }
  const ignore = () => undefined
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const services = { keys, l1, audit: inMemoryAudit(), clock: systemClock, random: systemRandom, logger }
  const hierarchy = createKeyHierarchy(services)
  tenantKeys.push(await prepareTenantKey(services, "acme", "bench", call))
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

/** Rate of the rounds without disturbance: other work on the machine only ever makes a round slower. */
const undisturbed = (rates: readonly number[]) => percentile(rates, 0.9)

const bare = { pair: bareLoop(), rates: [] as number[], microseconds: [] as number[] }
const { pair, close } = await hierarchyLoop()
const product = { pair, rates: [] as number[], microseconds: [] as number[] }

await measure(bare.pair, warmUpPairs, [])
await measure(product.pair, warmUpPairs, [])
for (let round = 0; round < rounds; round += 1) {
  // Alternately, and with alternating order, so that a machine that slows down slows both.
  for (const side of round % 2 === 0 ? [bare, product] : [product, bare]) {
    side.rates.push(await measure(side.pair, pairsPerRound, side.microseconds))
  }
}
await close()

const line = (name: string, side: typeof bare) => [
  name,
  undisturbed(side.rates).toFixed(0),
  percentile(side.microseconds, 0.5).toFixed(1),
  percentile(side.microseconds, 0.99).toFixed(1),
]
const rows = [
  rowWithTarget(
    {
      metric: "data key made and unwrapped in process",
      value: undisturbed(product.rates),
      unit: "pairs/s",
      reference: "bare primitives",
      ratio: undisturbed(product.rates) / undisturbed(bare.rates),
    },
    { kind: "at least", bound: 0.7 },
  ),
  latencyRow("p50", 0.5, 0.2),
  latencyRow("p99", 0.99, 1),
]

function latencyRow(name: string, share: number, bound: number) {
  const value = percentile(product.microseconds, share) / 1000
  const metric = `data key made and unwrapped in process, ${name}`
  return rowWithTarget({ metric, value, unit: "ms" }, { kind: "at most", bound })
}

const head = ["", "pairs/s", "p50 us", "p99 us"]
const lines = [line("bare primitives", bare), line("key hierarchy, warm service key", product)]
process.stdout.write(
  `data key made and unwrapped, ${figure(rounds)} interleaved rounds of ${pairsPerRound}; rate of the fastest tenth\n` +
    `${table(head, lines)}\n\n${targetTable(rows)}\n`,
)
if (options.json !== undefined) await writeReport(options.json, { benchmark: "data-keys-in-process", rows })
process.exitCode = rows.every(({ met }) => met === true) ? 0 : 1
