import type { CallOptions, KeyRef, KeystoreCapability, KeystoreV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import { abortReason, pluginError, unsupported } from "@apeiro-cmk/plugin-sdk"
import { createDsmAccount } from "./account.ts"
import { createChanges } from "./approvals.ts"
import type { DsmClient } from "./client.ts"
import { dsmName } from "./config.ts"
import { testConnection } from "./connection/test-connection.ts"
import { createCryptography } from "./cryptography.ts"
import { createKeyLifeCycle, importReason } from "./key-life-cycle.ts"
import { createKeySeriesCache } from "./key-series.ts"
import { createGroupKeys } from "./keys.ts"
import type { WrapMode } from "./wrap.ts"

/** What {@link createKeystore} needs. */
export interface KeystoreOptions {
  readonly client: DsmClient
  readonly appId: string
  /** Name or id. */
  readonly group: string
  readonly keyName: string
  readonly mode: WrapMode
  readonly services: Pick<PluginServices, "clock" | "logger" | "random">
  /** Called once, when the keystore has closed. */
  readonly onClose: () => Promise<void>
}

/** Why this version lacks a capability. */
export const unsupportedReasons = { importKey: importReason } as const satisfies Partial<
  Record<KeystoreCapability, string>
>

/** Opens one key of one tenant. Touches no network. */
export function createKeystore(options: KeystoreOptions): KeystoreV1 {
  const { client, appId, group, keyName, mode, services, onClose } = options
  const { clock, logger } = services
  const account = createDsmAccount(client, appId)
  const keys = createGroupKeys(client, group)
  const seriesCache = createKeySeriesCache(keys, clock, async (call) =>
    account.requireNoExport(await keys.groupId(call), call),
  )
  const cryptography = createCryptography({ client, keys, seriesCache, mode, services })
  const lifeCycle = createKeyLifeCycle({ keys, seriesCache, change: createChanges(client, logger) })
  const defaultKey: KeyRef = { keyId: keyName }

  const onKey =
    <T>(work: (keyId: string, call: CallOptions) => Promise<T>) =>
    async (key: KeyRef, call: CallOptions): Promise<T> =>
      work(checked(key, call).keyId, call)
  const lacksImport = async (): Promise<never> => {
    throw unsupported("importKey", unsupportedReasons.importKey)
  }

  let closed: Promise<void> | undefined
  const keystore: KeystoreV1 = {
    defaultKey,
    encrypt: async (request, call) => cryptography.encrypt({ ...request, key: checked(request.key, call) }, call),
    decrypt: async (request, call) => cryptography.decrypt({ ...request, key: checked(request.key, call) }, call),
    describeKey: onKey(lifeCycle.describeKey),
    listKeyVersions: onKey(lifeCycle.listKeyVersions),
    createKey: async ({ keyId, origin }, call) =>
      lifeCycle.createKey({ keyId: checked({ keyId }, call).keyId, origin }, call),
    enableKey: onKey(lifeCycle.enableKey),
    disableKey: onKey(lifeCycle.disableKey),
    rotateKey: onKey(lifeCycle.rotateKey),
    deleteKey: onKey(lifeCycle.deleteKey),
    getImportParameters: lacksImport,
    importKeyMaterial: lacksImport,
    testConnection: (call) => testConnection({ keystore, client, account, keys, services }, call),
    async probe(call) {
      const startedMs = clock.monotonicMs()
      await cryptography.proveRoundTrip(keyName, call)
      return { latencyMs: clock.monotonicMs() - startedMs }
    },
    close() {
      closed ??= (async () => {
        await client.close()
        await onClose()
      })()
      return closed
    },
  }
  return keystore
}

/** A call that is over is told so, whatever else is wrong with it. */
function checked({ keyId }: KeyRef, { signal }: CallOptions): KeyRef {
  if (signal.aborted) throw abortReason(signal)
  if (dsmName.safeParse(keyId).success) return { keyId }
  throw pluginError("INVALID_REQUEST", "This is no name of a DSM key.", "Use the key's name or id as DSM shows it.")
}
