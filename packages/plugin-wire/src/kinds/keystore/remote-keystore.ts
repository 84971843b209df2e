import type {
  CallOptions,
  ConnectionStep,
  CreateKeyRequest,
  DecryptRequest,
  DecryptResult,
  EncryptRequest,
  EncryptResult,
  ImportKeyMaterialRequest,
  KeyDescription,
  KeyRef,
  KeystoreV1,
} from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { create, type DescMethodUnary } from "@bufbuild/protobuf"
import type * as z from "zod"
import type { AnswerSchema } from "../../generated/apeiro/cmk/common/v1/common_pb.js"
import {
  type KeyRequestSchema,
  Keystores,
  TestRequestSchema,
} from "../../generated/apeiro/cmk/keystore/v1/keystore_pb.js"
import type { PluginConnection } from "../../host/plugin-connection.ts"
import { readAnswer } from "../../host/read-answer.ts"
import { asked, behindSignal, callerOf } from "../../host/remote-call.ts"
import { remoteConnectionTest } from "../../host/remote-connection-test.ts"
import { importParametersShape, keyDescriptionShape, keyVersionsShape, probeResultShape } from "./answer-shapes.ts"

const method = Keystores.method

type KeyMethod = DescMethodUnary<typeof KeyRequestSchema, typeof AnswerSchema>

/** Longest time for a keystore to close, in milliseconds. */
const closeTimeoutMs = 5_000

/** A keystore that is open in another process. */
export class RemoteKeystore implements KeystoreV1 {
  readonly defaultKey: KeyRef
  readonly #connection: PluginConnection
  readonly #handle: string
  readonly #closing = new AbortController()

  constructor(connection: PluginConnection, handle: string, defaultKeyId: string) {
    this.#connection = connection
    this.#handle = handle
    this.defaultKey = { keyId: defaultKeyId }
  }

  async encrypt({ key, plaintext, context }: EncryptRequest, outer: CallOptions): Promise<EncryptResult> {
    const call = this.#bounded(outer)
    const request = { ...this.#head(call), keyId: key.keyId, plaintext, context: { ...context } }
    const answer = await asked(this.#connection.call(method.encrypt, request, call), call)
    return { ciphertext: answer.ciphertext, keyVersion: answer.keyVersion, ...backendRequestId(answer) }
  }

  async decrypt({ key, ciphertext, keyVersion, context }: DecryptRequest, outer: CallOptions): Promise<DecryptResult> {
    const call = this.#bounded(outer)
    const request = { ...this.#head(call), keyId: key.keyId, ciphertext, keyVersion, context: { ...context } }
    const answer = await asked(this.#connection.call(method.decrypt, request, call), call)
    // A copy outside any pool; the message's own bytes belong to the transport's buffer.
    const plaintext = Uint8Array.from(answer.plaintext)
    answer.plaintext.fill(0)
    return { plaintext, ...backendRequestId(answer) }
  }

  describeKey(key: KeyRef, call: CallOptions) {
    return this.#read(keyDescriptionShape, method.describeKey, key, call)
  }

  listKeyVersions(key: KeyRef, call: CallOptions) {
    return this.#read(keyVersionsShape, method.listKeyVersions, key, call)
  }

  rotateKey(key: KeyRef, call: CallOptions) {
    return this.#read(keyDescriptionShape, method.rotateKey, key, call)
  }

  getImportParameters(key: KeyRef, call: CallOptions) {
    return this.#read(importParametersShape, method.getImportParameters, key, call)
  }

  async enableKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#askAboutKey(method.enableKey, key, call)
  }

  async disableKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#askAboutKey(method.disableKey, key, call)
  }

  async deleteKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#askAboutKey(method.deleteKey, key, call)
  }

  async createKey({ keyId, origin }: CreateKeyRequest, outer: CallOptions): Promise<KeyDescription> {
    const call = this.#bounded(outer)
    const answer = this.#connection.call(method.createKey, { ...this.#head(call), keyId, origin }, call)
    return readAnswer(keyDescriptionShape, (await asked(answer, call)).json)
  }

  async importKeyMaterial(material: ImportKeyMaterialRequest, outer: CallOptions): Promise<KeyDescription> {
    const call = this.#bounded(outer)
    const { key, encryptedKeyMaterial, providerParams } = material
    const request = { ...this.#head(call), keyId: key.keyId, encryptedKeyMaterial, providerParams }
    const answer = this.#connection.call(method.importKeyMaterial, request, call)
    return readAnswer(keyDescriptionShape, (await asked(answer, call)).json)
  }

  testConnection(outer: CallOptions): AsyncIterable<ConnectionStep> {
    const call = this.#bounded(outer)
    return remoteConnectionTest(
      {
        open: async (deadlineMs) => this.#connection.openStream(method.testConnection, deadlineMs),
        message: (giveUp) => create(TestRequestSchema, { ...this.#head(call), giveUp }),
      },
      call,
    )
  }

  async probe(outer: CallOptions) {
    const call = this.#bounded(outer)
    const answer = this.#connection.call(method.probe, this.#head(call), call)
    return readAnswer(probeResultShape, (await asked(answer, call)).json)
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(pluginError("CANCELLED", "The keystore is closed.", "Open it again.", { origin: "host" }))
    const bounds = { deadlineMs: Date.now() + closeTimeoutMs, signal: AbortSignal.timeout(closeTimeoutMs) }
    // A process that is gone has nothing to close.
    await this.#connection.call(method.close, { handle: this.#handle }, bounds).catch(() => undefined)
  }

  async #read<Answer>(shape: z.ZodType<Answer>, keyMethod: KeyMethod, key: KeyRef, call: CallOptions) {
    return readAnswer(shape, await this.#askAboutKey(keyMethod, key, call))
  }

  async #askAboutKey(keyMethod: KeyMethod, { keyId }: KeyRef, outer: CallOptions): Promise<string> {
    const call = this.#bounded(outer)
    return (await asked(this.#connection.call(keyMethod, { ...this.#head(call), keyId }, call), call)).json
  }

  /** Every call ends when the keystore is closed here, whatever the process does. */
  #bounded(call: CallOptions): CallOptions {
    return { ...behindSignal(call), signal: AbortSignal.any([call.signal, this.#closing.signal]) }
  }

  #head(call: CallOptions) {
    return { caller: callerOf(call), handle: this.#handle }
  }
}

function backendRequestId({ backendRequestId: id }: { readonly backendRequestId: string }) {
  return id === "" ? {} : { backendRequestId: id }
}
