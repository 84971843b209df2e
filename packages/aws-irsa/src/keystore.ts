import type {
  CallOptions,
  EncryptResult,
  HttpResponse,
  KeyRef,
  KeystoreV1,
  PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { abortReason } from "@apeiro-cmk/plugin-sdk"
import type { Kms } from "./client.ts"
import { testConnection } from "./connection/test-connection.ts"
import { throwAwayContext } from "./encryption-context.ts"
import { decrypt, encrypt, mismatch } from "./envelope.ts"
import { getImportParameters, importKeyMaterial, type KeyImportOptions } from "./keys/key-import.ts"
import { checkedKeyId, createKeyLifeCycle } from "./keys/key-life-cycle.ts"
import { listVersions } from "./keys/key-versions.ts"
import type { SessionCache } from "./session/session-cache.ts"

/** What {@link createKeystore} needs. */
export interface KeystoreOptions {
  readonly kms: Kms
  readonly sessions: SessionCache
  readonly keyId: string
  readonly region: string
  readonly importing: Omit<KeyImportOptions, "kms">
  /** The last answer of AWS, for its date. */
  readonly lastAnswer: () => { readonly answer: HttpResponse; readonly receivedAtMs: number } | undefined
  readonly services: Pick<PluginServices, "clock" | "random">
  /** Called once, when the keystore has closed. */
  readonly onClose: () => Promise<void>
}

/** Opens one key of one tenant. Touches no network. */
export function createKeystore(options: KeystoreOptions): KeystoreV1 {
  const { kms, sessions, keyId: defaultKeyId, importing, services, onClose } = options
  const { clock, random } = services
  const lifeCycle = createKeyLifeCycle(kms)
  const imports = { ...importing, kms }
  const defaultKey: KeyRef = { keyId: defaultKeyId }
  let sample: (EncryptResult & { readonly plaintext: Uint8Array }) | undefined

  /** Encrypts a throw-away sample once; from then on each probe is one real decrypt. */
  async function probe(call: CallOptions) {
    const startedMs = clock.monotonicMs()
    const context = throwAwayContext(call, "probe")
    const sealed = sample ?? (await newSample(call))
    sample = sealed
    try {
      const opened = await decrypt(kms, { key: defaultKey, ...sealed, context }, call)
      if (!Buffer.from(opened.plaintext).equals(sealed.plaintext)) throw mismatch()
    } catch (error) {
      // The next probe begins afresh, e.g. after a rotation of imported material.
      sample = undefined
      throw error
    }
    return { latencyMs: clock.monotonicMs() - startedMs }
  }

  async function newSample(call: CallOptions) {
    const plaintext = random.bytes(32)
    const sealed = await encrypt(kms, { key: defaultKey, plaintext, context: throwAwayContext(call, "probe") }, call)
    return { ...sealed, plaintext }
  }

  const onKey =
    <T>(work: (keyId: string, call: CallOptions) => Promise<T>) =>
    async (key: KeyRef, call: CallOptions): Promise<T> =>
      work(checked(key, call).keyId, call)

  let closed: Promise<void> | undefined
  const keystore: KeystoreV1 = {
    defaultKey,
    encrypt: async (request, call) => encrypt(kms, { ...request, key: checked(request.key, call) }, call),
    decrypt: async (request, call) => decrypt(kms, { ...request, key: checked(request.key, call) }, call),
    describeKey: onKey(lifeCycle.describe),
    listKeyVersions: onKey((keyId, call) => listVersions(kms, keyId, call)),
    createKey: async ({ keyId, origin }, call) =>
      lifeCycle.createKey({ keyId: checked({ keyId }, call).keyId, origin }, call),
    enableKey: onKey(lifeCycle.enableKey),
    disableKey: onKey(lifeCycle.disableKey),
    rotateKey: onKey(lifeCycle.rotateKey),
    deleteKey: onKey(lifeCycle.deleteKey),
    getImportParameters: onKey((keyId, call) => getImportParameters(imports, keyId, call)),
    async importKeyMaterial(request, call) {
      const { keyId } = checked(request.key, call)
      await importKeyMaterial(imports, request, call)
      return lifeCycle.describe(keyId, call)
    },
    testConnection: (call) => testConnection(options, call),
    probe,
    close() {
      closed ??= (async () => {
        kms.close()
        sessions.close()
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
  return { keyId: checkedKeyId(keyId) }
}
