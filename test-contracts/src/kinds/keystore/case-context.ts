import { randomUUID } from "node:crypto"
import type { EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { callOptions, type RunningCall } from "@apeiro-cmk/plugin-sdk"
import { within } from "../../cases/within.ts"
import type { TcpFaultProxy } from "../../fault-proxy/proxy.ts"
import type { ContractCase } from "../../runner.ts"
import type { KeystoreContractOptions, OpenedKeystore } from "./options.ts"

const tenantId = "contract-tenant"
const caseWithinMs = 40_000
const defaultCallWithinMs = 10_000

/** Everything that a case works with. */
export interface KeystoreCaseContext extends OpenedKeystore {
  readonly definition: KeystoreContractOptions["plugin"]
  readonly proxied: TcpFaultProxy
  readonly options: KeystoreContractOptions
  /** Reports, on standard error and in the results, that a case could prove only a part, and what it lacks. */
  notProven(lack: string): void
  /** Makes the options of one call, in time for a healthy keystore unless `settings` say otherwise. */
  call(settings?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): RunningCall
}

/** One case of the keystore contract. */
export type KeystoreCase = ContractCase<KeystoreCaseContext>

/** The encryption context that the cases use: tenant of the calls, some L2 key. */
export const context: EncryptionContext = { tenantId, keyId: "0197a2c4-contract-l2", keyVersion: 3 }

/** 32 bytes, the length of the keys that the host wraps. */
export const plaintext: Uint8Array = new TextEncoder().encode("plaintext-canary-of-the-contract")

/** Opens a keystore, runs one case against it, and releases everything again. */
export async function runKeystoreCase(
  each: KeystoreCase,
  options: KeystoreContractOptions,
  onNotProven: (lack: string) => void,
): Promise<void> {
  const ending = new AbortController()
  const calls: RunningCall[] = []
  const work = async () => {
    const opened = await options.open({ signal: ending.signal, tenantId })
    try {
      await each.run(caseContext(opened, options, calls, onNotProven))
    } finally {
      // Two cases are about closing and stopping: here a failure of it would only hide that of the case.
      await opened.instance.close().catch(() => undefined)
      await opened.plugin.stop().catch(() => undefined)
      await opened.close()
    }
  }
  try {
    await within(work(), caseWithinMs)
  } finally {
    for (const call of calls) call.dispose()
    ending.abort()
  }
}

function caseContext(
  opened: OpenedKeystore,
  options: KeystoreContractOptions,
  calls: RunningCall[],
  notProven: (lack: string) => void,
): KeystoreCaseContext {
  return {
    ...opened,
    options,
    notProven,
    definition: options.plugin,
    logs: () => opened.logs(),
    close: () => opened.close(),
    get proxied() {
      if (opened.proxy === undefined) throw new Error('with network "tcp", `open` must return a `proxy`')
      return opened.proxy
    },
    call(settings = {}) {
      const call = callOptions({
        ...{ tenantId, requestId: randomUUID(), keystoreId: "contract-keystore", timeoutMs: defaultCallWithinMs },
        ...settings,
      })
      calls.push(call)
      return call
    },
  }
}
