import { type CallOptions, isPluginError, type KeystoreV1, type PluginError } from "@apeiro-cmk/plugin-interface"
import { callOptions, type RunningCall } from "@apeiro-cmk/plugin-sdk"
import { collectSteps } from "../cases/expectations.ts"
import { openSocketsOf } from "../cases/open-sockets.ts"
import { within } from "../cases/within.ts"
import type { Fault } from "../fault-proxy/fault-modes.ts"
import type { TcpFaultProxy } from "../fault-proxy/proxy.ts"
import { context, plaintext } from "../kinds/keystore/case-context.ts"
import type { OpenedKeystore, OpenRequest } from "../kinds/keystore/options.ts"

const defaultTimeoutMs = 400
const hangMs = 10_000
const parallelCalls = 3

/** Operation that is tried under a fault. `test` is a connection test. */
export type FaultOperation = "encrypt" | "decrypt" | "probe" | "test"

/** Every operation, in the order of the table. */
export const faultOperations: readonly FaultOperation[] = ["encrypt", "decrypt", "probe", "test"]

/** Options of {@link runFaultCell} and of the matrix. */
export interface FaultMatrixOptions {
  /** Name of the plugin, for the names of the tests. */
  readonly name: string
  /** The faults that are tried. Default: all, which needs a proxy with the option `tls`. */
  readonly faults?: readonly Fault[]
  /** Time for each call under a fault, in milliseconds. Default 400. */
  readonly timeoutMs?: number
  /** Opens one keystore behind one proxy for each cell. The `open` of the keystore contract fits. */
  open(request: OpenRequest): Promise<OpenedBehindProxy>
}

/** An opened keystore whose every connection goes through the proxy. */
export type OpenedBehindProxy = Pick<OpenedKeystore, "plugin" | "instance" | "close"> & {
  readonly proxy: TcpFaultProxy
}

/** Observations in one cell of the matrix. */
export interface FaultCell {
  readonly fault: Fault
  readonly operation: FaultOperation
  /** How each of the parallel calls ended: its error, or `answered`. For a connection test, the code of its first failed step. */
  readonly outcomes: readonly FaultOutcome[]
  /** Time from the first call to the end of the last one, in milliseconds. */
  readonly elapsedMs: number
  /** Time past the deadline, in milliseconds; 0 when all calls ended before it. */
  readonly overrunMs: number
  /** Reason why the first call after the fault failed; absent when it succeeded. */
  readonly stillBroken?: unknown
  /** Connections that were open after the keystore was closed and the plugin had stopped. */
  readonly leakedSockets: number
}

/** How one call ended. */
export type FaultOutcome = PluginError | { readonly code: string } | { readonly answered: unknown }

/** Opens a keystore, makes calls of one kind under one fault, and checks that everything works afterwards. */
export async function runFaultCell(
  options: FaultMatrixOptions,
  fault: Fault,
  operation: FaultOperation,
): Promise<FaultCell> {
  const { timeoutMs = defaultTimeoutMs } = options
  const tenantId = "contract-tenant"
  const running: RunningCall[] = []
  const call = (limitMs: number) => {
    const options = callOptions({
      tenantId,
      requestId: "fault-matrix",
      keystoreId: "contract-keystore",
      timeoutMs: limitMs,
    })
    running.push(options)
    return options
  }
  const opened = await options.open({ signal: AbortSignal.timeout(hangMs * 3), tenantId })
  const { instance, proxy, plugin } = opened
  try {
    const attempt = await attemptOf(operation, instance, call(hangMs))
    await proxy.setMode(fault)
    const startedMs = performance.now()
    const calls = Array.from({ length: parallelCalls }, () => attempt(call(timeoutMs)).catch(pluginErrorOf))
    const outcomes = await within(Promise.all(calls), timeoutMs + hangMs)
    const elapsedMs = performance.now() - startedMs
    await proxy.setMode("pass")
    const stillBroken = await errorOf(roundTrip(instance, call(hangMs)))
    await instance.close()
    await plugin.stop()
    const leakedSockets = await openSocketsOf(proxy)
    const overrunMs = Math.max(0, elapsedMs - timeoutMs)
    const seen = { fault, operation, outcomes, elapsedMs, overrunMs, leakedSockets }
    return stillBroken === undefined ? seen : { ...seen, stillBroken }
  } finally {
    for (const each of running) each.dispose()
    await instance.close()
    await plugin.stop()
    await opened.close()
  }
}

/** Prepares an operation while all is well, so that the fault meets open connections. */
async function attemptOf(
  operation: FaultOperation,
  instance: KeystoreV1,
  healthy: CallOptions,
): Promise<(call: CallOptions) => Promise<FaultOutcome>> {
  const key = instance.defaultKey
  const sealed = await instance.encrypt({ key, plaintext, context }, healthy)
  await instance.probe(healthy)
  const attempts: Readonly<Record<FaultOperation, (call: CallOptions) => Promise<FaultOutcome>>> = {
    encrypt: async (call) => ({ answered: await instance.encrypt({ key, plaintext, context }, call) }),
    decrypt: async (call) => ({ answered: await instance.decrypt({ key, ...sealed, context }, call) }),
    probe: async (call) => ({ answered: await instance.probe(call) }),
    async test(call) {
      const steps = await collectSteps(instance.testConnection(call))
      const failed = steps.find((step) => step.outcome === "failed")
      return failed === undefined ? { answered: steps } : { code: failed.code ?? "" }
    },
  }
  return attempts[operation]
}

async function roundTrip(instance: KeystoreV1, call: CallOptions): Promise<void> {
  const key = instance.defaultKey
  const sealed = await instance.encrypt({ key, plaintext, context }, call)
  await instance.decrypt({ key, ...sealed, context }, call)
}

function pluginErrorOf(error: unknown): FaultOutcome {
  return isPluginError(error) ? error : { code: `no PluginError but ${String(error)}` }
}

async function errorOf(work: Promise<void>): Promise<unknown> {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
}
