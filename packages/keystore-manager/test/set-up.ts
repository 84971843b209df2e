import { type AuditLeaf, createAuditRecorder, decodeLeaf, type PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { HostCall } from "@apeiro-cmk/host-call"
import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { type FakeClock, fakeClock, logSink, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { KeystoreManager, type KeystoreRevision, type RunningKeystorePlugin } from "../src/index.ts"
import { InMemoryCredentials, InMemoryKeystores, InMemoryOperationCounts } from "./in-memory-keystores.ts"
import { storedKeys } from "./stored-keys.ts"
import { ToyServer, toyPlugin } from "./toy-keystore.ts"

export const address = "https://keystore.example:8200"
export const otherAddress = "https://other.example:8200"
export const secretText = "canary-token-of-the-toy"

/** Makes a keystore document that the toy plugin accepts. */
export function toyDocument(configuration: Record<string, unknown> = {}, name = "primary") {
  return {
    plugin_type: "toy",
    plugin_name: name,
    configuration: { address, key_name: "master", token: secretText, ...configuration },
  }
}

/** Makes a manager on in-memory ports, with two toy servers. @param more - further running plugins */
export function setUp(more: readonly RunningKeystorePlugin[] = [], mode: "development" | "production" = "development") {
  const entries: PreparedAuditEntry[] = []
  const clock = fakeClock()
  const logger = logSink()
  const servers = new Map([
    [address, new ToyServer()],
    [otherAddress, new ToyServer()],
  ])
  const definition = toyPlugin(servers)
  const services = testServices()
  const running = { definition, instance: definition.create({}, services) }
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
  const credentials = new InMemoryCredentials(repository)
  const audit = createAuditRecorder({ intake, clock, replica: "host-1" })
  const catalog = {
    keystorePlugin: (type: string) => plugins.find(({ definition }) => definition.manifest.pluginType === type),
    keystorePluginTypes: () => plugins.map(({ definition }) => definition.manifest.pluginType),
  }
  const manager = new KeystoreManager({
    catalog,
    repository,
    credentials,
    operationCounts,
    keys: storedKeys(repository, 30_000),
    renewalsPerHour: async () => 200,
    audit,
    clock,
    logger,
    mode,
  })
  const call = (settings: CallSettings = {}): HostCall => hostCall(clock, settings)
  const server = servers.get(address) ?? new ToyServer()
  const other = servers.get(otherAddress) ?? new ToyServer()
  return {
    manager,
    catalog,
    repository,
    credentials,
    operationCounts,
    audit,
    clock,
    logger,
    server,
    other,
    call,
    intake,
    running,
    /** Events that the toy plugin reported for the audit stream. */
    reported: services.auditEvents,
    entries,
    leaves: () => entries.map(leafOf),
  }
}

interface CallSettings {
  readonly tenantId?: string
  readonly requestId?: string
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

function hostCall(
  clock: FakeClock,
  { tenantId = "acme", requestId = "request-1", signal, timeoutMs = 60_000 }: CallSettings,
): HostCall {
  return {
    tenantId,
    signal: signal ?? new AbortController().signal,
    deadlineMs: clock.nowMs() + timeoutMs,
    actor: { type: "token", id: "token-1" },
    requestId,
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  }
}

function leafOf({ leaf }: PreparedAuditEntry): AuditLeaf {
  return decodeLeaf(leaf)
}

/** Names a state of a keystore that was added before the clock of the set-up moved. */
export function at(revision: number): KeystoreRevision {
  return { revision, createdAtMs: fakeClock().nowMs() }
}

/** Collects all steps of a test. */
export async function collect(steps: AsyncIterable<ConnectionStep>): Promise<ConnectionStep[]> {
  const collected: ConnectionStep[] = []
  for await (const step of steps) collected.push(step)
  return collected
}
