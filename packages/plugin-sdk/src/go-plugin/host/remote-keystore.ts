import {
  type CallOptions,
  isPluginError,
  type KeystoreConfigurationInput,
  type KeystorePluginV1,
  type KeystoreV1,
} from "@apeiro-cmk/plugin-interface"
import type { JsonObject, JsonValue } from "@bufbuild/protobuf"
import { abortReason } from "../../deadline.ts"
import { pluginError } from "../../error-facts.ts"
import { isSecretHandle } from "../../secret.ts"
import { Keystores } from "../generated/apeiro/cmk/keystore/v1/keystore_pb.js"
import { pluginErrorOf } from "../keystore/plugin-error-info.ts"
import { WireError } from "../wire/wire-error.ts"
import type { PluginConnection } from "./plugin-connection.ts"
import { remoteAnswers } from "./remote-answers.ts"
import { remoteConnectionTest } from "./remote-connection-test.ts"

const method = Keystores.method

/** How far gRPC's deadline lies behind the caller's, in milliseconds. */
const deadlineSlackMs = 1_000

/** How long a keystore may take to close, in milliseconds. */
const closeTimeoutMs = 5_000

/**
 * A keystore plugin in another process, as if it were in this one. It has been started and configured already.
 *
 * @param setupMaterial - of the package, which is pure and needs no process
 */
export function remoteKeystorePlugin(
  connection: PluginConnection,
  setupMaterial: KeystorePluginV1["setupMaterial"],
): KeystorePluginV1 {
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
    setupMaterial,
  }
}

function remoteKeystore(connection: PluginConnection, handle: string, defaultKeyId: string): KeystoreV1 {
  const closing = new AbortController()

  /** Every call ends when the keystore is closed here, whatever the process does. */
  const bounded = (call: CallOptions) => ({
    ...call,
    // Behind the signal, which fires at the caller's own deadline and says why.
    deadlineMs: call.deadlineMs + deadlineSlackMs,
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

async function asked<T>(answer: Promise<T>, call: CallOptions): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw failure(error, call)
  }
}

function failure(error: unknown, { signal }: CallOptions): unknown {
  if (isPluginError(error)) return error
  if (signal.aborted) return abortReason(signal)
  return error instanceof WireError ? pluginErrorOf(error) : error
}

function callerOf({ tenantId, traceparent = "" }: CallOptions) {
  return { tenantId, traceparent }
}

/** Secrets go apart from the rest, and as bytes. */
async function taken(configuration: KeystoreConfigurationInput, signal: AbortSignal) {
  const plain: JsonObject = {}
  const secrets: Record<string, { value: Uint8Array; version: string }> = {}
  for (const [name, value] of Object.entries(configuration)) {
    if (isSecretHandle(value)) secrets[name] = { value: await value.read(signal), version: value.version }
    // A document of an administrator: JSON, as the host has read it.
    else if (value !== undefined) plain[name] = value as JsonValue
  }
  return { configuration: plain, secrets }
}

function requestId({ backendRequestId }: { readonly backendRequestId: string }) {
  return backendRequestId === "" ? {} : { backendRequestId }
}
