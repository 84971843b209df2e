import type {
  CallOptions,
  KeystoreConfigurationInput,
  KeystorePluginV1,
  KeystoreV1,
  SecretHandle,
} from "@apeiro-cmk/plugin-interface"
import type { JsonObject, JsonValue } from "@bufbuild/protobuf"
import { abortReason } from "../../deadline.ts"
import { pluginError } from "../../error-facts.ts"
import { isSecretHandle } from "../../secret.ts"
import { Keystores } from "../generated/apeiro/cmk/keystore/v1/keystore_pb.js"
import type { PluginConnection } from "./plugin-connection.ts"
import { remoteAnswers } from "./remote-answers.ts"
import { asked, behindSignal, callerOf } from "./remote-call.ts"
import { remoteConnectionTest } from "./remote-connection-test.ts"

const method = Keystores.method

/** How long a keystore may take to close, in milliseconds. */
const closeTimeoutMs = 5_000

/** A keystore plugin in another process, as if it were in this one. It has been started and configured already. */
export function remoteKeystorePlugin(connection: PluginConnection): KeystorePluginV1 {
  return {
    async start(signal) {
      if (signal.aborted) throw abortReason(signal)
    },
    stop: () => connection.close(),
    async openKeystore(configuration, call) {
      const request = { caller: callerOf(call), ...(await taken(configuration, call.signal)) }
      try {
        const { handle, defaultKeyId } = await asked(connection.call(method.open, request, call), call)
        return remoteKeystore(connection, handle, defaultKeyId)
      } finally {
        for (const { value } of Object.values(request.secrets)) value.fill(0)
      }
    },
    async setupMaterial(configuration, call) {
      const { plain, secrets } = divided(configuration)
      const request = { caller: callerOf(call), configuration: plain, secretNames: Object.keys(secrets) }
      const answer = connection.call(method.setupMaterial, request, behindSignal(call))
      return remoteAnswers.setupDocuments((await asked(answer, call)).json)
    },
  }
}

function remoteKeystore(connection: PluginConnection, handle: string, defaultKeyId: string): KeystoreV1 {
  const closing = new AbortController()

  /** Every call ends when the keystore is closed here, whatever the process does. */
  const bounded = (call: CallOptions) => ({
    ...behindSignal(call),
    signal: AbortSignal.any([call.signal, closing.signal]),
  })
  const head = (call: CallOptions) => ({ caller: callerOf(call), handle })

  type KeyMethod = (typeof method)["describeKey"]
  const onKey = async <T>(
    name: KeyMethodName,
    keyId: string,
    outer: CallOptions,
    read: (json: string) => T,
  ): Promise<T> => {
    const call = bounded(outer)
    const request = { ...head(call), keyId }
    const { json } = await asked(connection.call(method[name] as KeyMethod, request, call), call)
    return read(json)
  }
  const nothing = () => undefined

  return {
    defaultKey: { keyId: defaultKeyId },
    async encrypt({ key: { keyId }, plaintext, context }, outer) {
      const call = bounded(outer)
      const request = { ...head(call), keyId, plaintext, context: { ...context } }
      const answer = await asked(connection.call(method.encrypt, request, call), call)
      return { ciphertext: answer.ciphertext, keyVersion: answer.keyVersion, ...requestId(answer) }
    },
    async decrypt({ key: { keyId }, ciphertext, keyVersion, context }, outer) {
      const call = bounded(outer)
      const request = { ...head(call), keyId, ciphertext, keyVersion, context: { ...context } }
      const answer = await asked(connection.call(method.decrypt, request, call), call)
      // A copy outside any pool; the message's own bytes belong to the transport's buffer.
      const plaintext = Uint8Array.from(answer.plaintext)
      answer.plaintext.fill(0)
      return { plaintext, ...requestId(answer) }
    },
    describeKey: ({ keyId }, call) => onKey("describeKey", keyId, call, remoteAnswers.keyDescription),
    listKeyVersions: ({ keyId }, call) => onKey("listKeyVersions", keyId, call, remoteAnswers.keyVersions),
    enableKey: ({ keyId }, call) => onKey("enableKey", keyId, call, nothing),
    disableKey: ({ keyId }, call) => onKey("disableKey", keyId, call, nothing),
    rotateKey: ({ keyId }, call) => onKey("rotateKey", keyId, call, remoteAnswers.keyDescription),
    deleteKey: ({ keyId }, call) => onKey("deleteKey", keyId, call, nothing),
    getImportParameters: ({ keyId }, call) => onKey("getImportParameters", keyId, call, remoteAnswers.importParameters),
    async createKey({ keyId, origin }, outer) {
      const call = bounded(outer)
      const request = { ...head(call), keyId, origin }
      return remoteAnswers.keyDescription((await asked(connection.call(method.createKey, request, call), call)).json)
    },
    async importKeyMaterial({ key: { keyId }, encryptedKeyMaterial, providerParams }, outer) {
      const call = bounded(outer)
      const request = { ...head(call), keyId, encryptedKeyMaterial, providerParams }
      const { json } = await asked(connection.call(method.importKeyMaterial, request, call), call)
      return remoteAnswers.keyDescription(json)
    },
    testConnection: (outer) => remoteConnectionTest(connection, handle, bounded(outer)),
    async probe(outer) {
      const call = bounded(outer)
      return remoteAnswers.probeResult((await asked(connection.call(method.probe, head(call), call), call)).json)
    },
    async close() {
      if (closing.signal.aborted) return
      closing.abort(pluginError("CANCELLED", "The keystore is closed.", "Open it again.", { origin: "host" }))
      const bounds = { deadlineMs: Date.now() + closeTimeoutMs, signal: AbortSignal.timeout(closeTimeoutMs) }
      // A process that is gone has nothing to close.
      await connection.call(method.close, { handle }, bounds).catch(() => undefined)
    },
  }
}

type KeyMethodName =
  | "describeKey"
  | "listKeyVersions"
  | "enableKey"
  | "disableKey"
  | "rotateKey"
  | "deleteKey"
  | "getImportParameters"

/** Secrets go apart from the rest, and as bytes. */
async function taken(configuration: KeystoreConfigurationInput, signal: AbortSignal) {
  const { plain, secrets } = divided(configuration)
  const read: Record<string, { value: Uint8Array; version: string }> = {}
  for (const [name, secret] of Object.entries(secrets)) {
    read[name] = { value: await secret.read(signal), version: secret.version }
  }
  return { configuration: plain, secrets: read }
}

function divided(configuration: KeystoreConfigurationInput) {
  const plain: JsonObject = {}
  const secrets: Record<string, SecretHandle> = {}
  for (const [name, value] of Object.entries(configuration)) {
    if (isSecretHandle(value)) secrets[name] = value
    // A document of an administrator: JSON, as the host has read it.
    else if (value !== undefined) plain[name] = value as JsonValue
  }
  return { plain, secrets }
}

function requestId({ backendRequestId }: { readonly backendRequestId: string }) {
  return backendRequestId === "" ? {} : { backendRequestId }
}
