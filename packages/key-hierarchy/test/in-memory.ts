import { createSecretKey, randomBytes } from "node:crypto"
import { type AuditEvent, type AuditLeaf, createAuditRecorder, decodeLeaf } from "@apeiro-cmk/audit-log"
import { aes256GcmOpen, aes256GcmSeal } from "@apeiro-cmk/committing-wrap"
import type { HostCall } from "@apeiro-cmk/host-call"
import type { PluginError } from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext, pluginError } from "@apeiro-cmk/plugin-sdk"
import { fakeClock, logSink } from "@apeiro-cmk/plugin-sdk/testing"
import {
  createKeyHierarchy,
  giveTogether,
  type KeyHierarchy,
  type LeasedAnswer,
  prepareTenantKey,
} from "../src/index.ts"
import type { KeyRepository, L1Port, StoredTenantKey } from "../src/ports.ts"
import type { ServiceKeyRecord, TenantCustody } from "../src/records.ts"

/** Keeps keys in memory, as persistence would. Its fields are open, so that a test can be the database thief. */
export function inMemoryKeys() {
  const custodies = new Map<string, TenantCustody>()
  const tenantKeys: StoredTenantKey[] = []
  const serviceKeys: ServiceKeyRecord[] = []
  const reads = { serviceKeys: 0 }
  let failure: Error | undefined
  const look = async <T>(work: () => T): Promise<T> => {
    if (failure !== undefined) throw failure
    return work()
  }
  const repository: KeyRepository = {
    custody: (tenantId) => look(() => custodies.get(tenantId)),
    activeTenantKey: (tenantId) =>
      look(() => tenantKeys.findLast(({ key }) => key.tenantId === tenantId && key.state === "Active")),
    tenantKey: (tenantId, keyId, version) =>
      look(() =>
        tenantKeys.find(({ key }) => key.tenantId === tenantId && key.keyId === keyId && key.version === version),
      ),
    tenantKeys: (tenantId) => look(() => tenantKeys.filter(({ key }) => key.tenantId === tenantId)),
    serviceKeyByName: (tenantId, name) =>
      look(() => {
        reads.serviceKeys += 1
        return serviceKeys.findLast((record) => record.tenantId === tenantId && record.name === name)
      }),
    serviceKey: (tenantId, serviceKeyId, version) =>
      look(() =>
        serviceKeys.find(
          (record) =>
            record.tenantId === tenantId && record.serviceKeyId === serviceKeyId && record.version === version,
        ),
      ),
    serviceKeys: (tenantId) => look(() => serviceKeys.filter((record) => record.tenantId === tenantId)),
    insertServiceKey: (record) =>
      look(() => {
        serviceKeys.push(record)
      }),
  }
  return {
    repository,
    custodies,
    tenantKeys,
    serviceKeys,
    reads,
    fail(error: Error | undefined) {
      failure = error
    },
  }
}

/** An L1 that really encrypts, and that a test can make refuse, hang or return something else. */
export function inMemoryL1() {
  const keys = new Map<string, ReturnType<typeof createSecretKey>>()
  const handedOut: Uint8Array[] = []
  const calls = { encrypt: 0, decrypt: 0 }
  const noted: [version: number, code: string | undefined][] = []
  let failure: PluginError | undefined
  let gate: Promise<void> | undefined
  let tamper: ((plaintext: Uint8Array) => Uint8Array) | undefined

  const keyOf = (keystoreId: string) => {
    const key = keys.get(keystoreId) ?? createSecretKey(randomBytes(32))
    keys.set(keystoreId, key)
    return key
  }
  const answer = async () => {
    await gate
    if (failure !== undefined) throw failure
  }
  const port: L1Port = {
    async encrypt({ keystoreId, plaintext, context }) {
      calls.encrypt += 1
      await answer()
      const nonce = randomBytes(12)
      const { ciphertext, tag } = aes256GcmSeal(keyOf(keystoreId), nonce, plaintext, encodeEncryptionContext(context))
      return {
        ciphertext: Buffer.concat([nonce, ciphertext, tag]),
        l1KeyId: "l1",
        l1KeyIdentity: `in-memory/${keystoreId}/l1`,
        l1KeyVersion: "1",
        backendRequestId: `request-${calls.encrypt}`,
      }
    },
    async decrypt({ keystoreId, ciphertext, context }) {
      calls.decrypt += 1
      await answer()
      const sealed = { ciphertext: ciphertext.subarray(12, -16), tag: ciphertext.subarray(-16) }
      const opened = aes256GcmOpen(
        keyOf(keystoreId),
        ciphertext.subarray(0, 12),
        sealed,
        encodeEncryptionContext(context),
      )
      const plaintext = tamper?.(opened) ?? opened
      handedOut.push(plaintext)
      return { plaintext }
    },
    noteStoredWrap: (wrap, failure) => noted.push([wrap.keyVersion, failure?.code]),
  }
  return {
    port,
    calls,
    /** Version and error code of each stored wrap that was opened, or could not be. */
    noted,
    /** Every plaintext that left L1; the hierarchy must have filled them with zeros. */
    handedOut,
    fail(code: Parameters<typeof pluginError>[0] | undefined) {
      failure = code === undefined ? undefined : pluginError(code, `in-memory: ${code}`, "Nothing: this is a test.")
    },
    tamper(change: ((plaintext: Uint8Array) => Uint8Array) | undefined) {
      tamper = change
    },
    /** Makes calls wait until the returned function is called. */
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return () => {
        gate = undefined
        resolve()
      }
    },
  }
}

/** Opens a hierarchy over the doubles, with a tenant `acme` whose keystore `primary` is active. */
export async function openHierarchy({ leaseMs = 30_000 } = {}) {
  const clock = fakeClock()
  const keys = inMemoryKeys()
  const l1 = inMemoryL1()
  const logger = logSink()
  const audit = inMemoryAudit(clock)
  const drawn: Uint8Array[] = []
  const random = {
    bytes(length: number) {
      const bytes = randomBytes(length)
      drawn.push(bytes)
      return bytes
    },
  }
  const services = { keys: keys.repository, l1: l1.port, audit: audit.recorder, clock, random, logger }
  const leased = createKeyHierarchy(services)
  const hierarchy = givingAtOnce(leased)
  const prepare = (tenantId: string, keystoreId: string) =>
    prepareTenantKey(services, tenantId, keystoreId, hostCall(tenantId))
  /** Lets every lease run out: the next call asks L1. */
  const cold = () => clock.advance(leaseMs)
  const onboard = async (tenantId: string) => {
    keys.custodies.set(tenantId, { epoch: 1, leaseMs })
    const prepared = await prepare(tenantId, "primary")
    keys.tenantKeys.push(prepared)
    return prepared
  }
  const tenantKey = await onboard("acme")
  return { hierarchy, leased, clock, keys, l1, logger, audit, drawn, tenantKey, onboard, prepare, cold }
}

/** A key hierarchy whose answers about data keys are given at once. */
function givingAtOnce(leased: KeyHierarchy) {
  return {
    ...leased,
    generateDataKey: (...request: Parameters<KeyHierarchy["generateDataKey"]>) =>
      given(leased.generateDataKey(...request)),
    unwrapDataKey: (...request: Parameters<KeyHierarchy["unwrapDataKey"]>) => given(leased.unwrapDataKey(...request)),
    rewrapDataKey: (...request: Parameters<KeyHierarchy["rewrapDataKey"]>) => given(leased.rewrapDataKey(...request)),
  }
}

/** Gives an answer to this test, which keeps a copy of the plaintext. */
export async function given<Result extends object>(pending: Promise<LeasedAnswer<Result>>): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  await giveTogether(await Promise.allSettled([pending]), ([outcome]) => () => {
    if (outcome?.status !== "fulfilled") reject(outcome?.reason)
    else if ("plaintext" in outcome.value && outcome.value.plaintext instanceof Uint8Array) {
      resolve({ ...outcome.value, plaintext: Buffer.from(outcome.value.plaintext) })
    } else resolve(outcome.value)
  })
  return promise
}

/** Makes the real recorder over an intake in memory that a test can make fail. */
function inMemoryAudit(clock: ReturnType<typeof fakeClock>) {
  const leaves: Uint8Array[] = []
  const commits: number[] = []
  let down = false
  let gate: Promise<void> | undefined
  const intake = {
    async append(entries: readonly { readonly leaf: Uint8Array }[]) {
      await gate
      if (down) throw new Error("in-memory: the database is down")
      leaves.push(...entries.map(({ leaf }) => leaf))
      commits.push(entries.length)
    },
  }
  return {
    recorder: createAuditRecorder({ intake, clock, replica: "test" }),
    /** Number of entries of each commit. */
    commits,
    setDown(value: boolean) {
      down = value
    },
    /** Makes commits wait, as a locked table does, until the returned function is called. */
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return () => {
        gate = undefined
        resolve()
      }
    },
    events(action?: AuditEvent["action"]): readonly AuditLeaf[] {
      return leaves.map((leaf) => decodeLeaf(leaf)).filter((event) => action === undefined || event.action === action)
    },
    text: () => leaves.map((leaf) => Buffer.from(leaf).toString("utf8")).join("\n"),
  }
}

/** Makes the call of these tests. */
export function hostCall(tenantId = "acme", signal = new AbortController().signal): HostCall {
  return {
    signal,
    deadlineMs: Number.MAX_SAFE_INTEGER,
    tenantId,
    actor: { type: "token", id: "token-1" },
    requestId: "request-1",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  }
}
