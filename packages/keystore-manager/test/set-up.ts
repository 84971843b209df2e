import { randomBytes, randomUUID } from "node:crypto"
import {
  type AuditLeaf,
  createAuditRecorder,
  decodeLeaf,
  type HostCall,
  type PreparedAuditEntry,
} from "@apeiro-cmk/audit-log"
import type { PreparedTenantKey } from "@apeiro-cmk/key-hierarchy"
import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { type FakeClock, fakeClock, logSink, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import {
  createKeystoreManager,
  type KeystoreManager,
  type KeystoreRevision,
  type RunningKeystorePlugin,
} from "../src/index.ts"
import { InMemoryCredentials, InMemoryKeystores, InMemoryOperationCounts } from "./in-memory-keystores.ts"
import { ToyServer, toyPlugin } from "./toy-keystore.ts"

export const address = "https://keystore.example:8200"
export const otherAddress = "https://other.example:8200"
export const secretText = "canary-token-of-the-toy"

/** A keystore document that the toy plugin accepts. */
export function toyDocument(configuration: Record<string, unknown> = {}, name = "primary") {
  return {
    plugin_type: "toy",
    plugin_name: name,
    configuration: { address, key_name: "master", token: secretText, ...configuration },
  }
}

/** A manager on in-memory ports with two toy servers. @param more - further running plugins */
export function setUp(more: readonly RunningKeystorePlugin[] = [], mode: "development" | "production" = "development") {
  const entries: PreparedAuditEntry[] = []
  const clock = fakeClock()
  const logger = logSink()
  const servers = new Map([
    [address, new ToyServer()],
    [otherAddress, new ToyServer()],
  ])
  const definition = toyPlugin(servers)
  const running = { definition, instance: definition.create({}, testServices()) }
  const plugins = [running, ...more]
  const repository = new InMemoryKeystores(entries)
  const intake = {
    failure: undefined as Error | undefined,
    async append(batch: readonly PreparedAuditEntry[]) {
      if (intake.failure !== undefined) throw intake.failure
      entries.push(...batch)
    },
  }
  const operationCounts = new InMemoryOperationCounts()
  const audit = createAuditRecorder({ intake, clock, replica: "host-1" })
  const manager: KeystoreManager = createKeystoreManager({
    catalog: {
      keystorePlugin: (type) => plugins.find(({ definition }) => definition.manifest.pluginType === type),
      keystorePluginTypes: () => plugins.map(({ definition }) => definition.manifest.pluginType),
    },
    repository,
    credentials: new InMemoryCredentials(repository),
    operationCounts,
    renewalsPerHour: async () => 200,
    audit,
    prepareTenantKey: (...args) => prepareTenantKey(manager, ...args),
    clock,
    logger,
    mode,
  })
  const call = (settings: { tenantId?: string; signal?: AbortSignal; timeoutMs?: number } = {}): HostCall =>
    hostCall(clock, settings)
  const server = servers.get(address) ?? new ToyServer()
  const other = servers.get(otherAddress) ?? new ToyServer()
  return {
    manager,
    repository,
    operationCounts,
    clock,
    logger,
    server,
    other,
    call,
    intake,
    running,
    leaves: () => entries.map(leafOf),
  }
}

function hostCall(
  clock: FakeClock,
  { tenantId = "acme", signal, timeoutMs = 60_000 }: { tenantId?: string; signal?: AbortSignal; timeoutMs?: number },
): HostCall {
  return {
    tenantId,
    signal: signal ?? new AbortController().signal,
    deadlineMs: clock.nowMs() + timeoutMs,
    actor: { type: "token", id: "token-1" },
    requestId: "request-1",
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  }
}

function leafOf({ leaf }: PreparedAuditEntry): AuditLeaf {
  return decodeLeaf(leaf)
}

/** What the key hierarchy does at an activation: a real round trip through the manager's own L1 port. */
async function prepareTenantKey(
  { l1 }: KeystoreManager,
  tenantId: string,
  keystoreId: string,
  call: HostCall,
): Promise<PreparedTenantKey> {
  const l2 = randomBytes(32)
  const context = { tenantId, keyId: randomUUID(), keyVersion: 1 }
  const wrap = await l1.encrypt({ keystoreId, plaintext: l2, context }, call)
  const { plaintext } = await l1.decrypt({ keystoreId, ...wrap, context }, call)
  if (!l2.equals(plaintext)) throw new Error("The round trip failed.")
  const named = { tenantId, keyId: context.keyId, createdAtMs: 0 }
  return {
    key: { ...named, version: 1, state: "Active", commitment: new Uint8Array(32) },
    wraps: [{ ...named, ...wrap, keyVersion: 1, keystoreId, state: "good", auditEntryId: randomUUID() }],
    audit: [],
  }
}

/** All steps of a test. */
/** A state of a keystore that was added before the clock of the set-up moved. */
export function at(revision: number): KeystoreRevision {
  return { revision, createdAtMs: fakeClock().nowMs() }
}

export async function collect(steps: AsyncIterable<ConnectionStep>): Promise<ConnectionStep[]> {
  const collected: ConnectionStep[] = []
  for await (const step of steps) collected.push(step)
  return collected
}
