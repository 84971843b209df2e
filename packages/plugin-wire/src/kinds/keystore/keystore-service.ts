import { randomUUID } from "node:crypto"
import type { CallOptions, Clock, EncryptionContext, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { abortReason, pluginError, secretFromBytes } from "@apeiro-cmk/plugin-sdk"
import { type Server, status } from "@grpc/grpc-js"
import type { Answer } from "../../generated/apeiro/cmk/common/v1/common_pb.js"
import {
  type DecryptRequest,
  type EncryptRequest,
  Keystores,
  type OpenRequest,
  type SetupMaterialRequest,
  type EncryptionContext as WireContext,
} from "../../generated/apeiro/cmk/keystore/v1/keystore_pb.js"
import type { ConfiguredPlugin } from "../../serve/configured-plugin.ts"
import { connectionTestHandler } from "../../serve/connection-test.ts"
import { jsonAnswer, type OwnRequest, ownCall, ownMethods } from "../../serve/own-call.ts"
import { methodDefinitions } from "../../wire/method-definition.ts"
import { type UnaryHandlers, unaryImplementation } from "../../wire/unary-service.ts"
import type { WireCall } from "../../wire/wire-call.ts"
import { WireError } from "../../wire/wire-error.ts"
import type { ServeContext } from "../kind.ts"

/** Stands for a secret whose value does not matter, only that there is one. */
const unreadSecret = secretFromBytes(new Uint8Array(), "unread")

interface HandleRequest extends OwnRequest {
  readonly handle: string
}

interface KeyRequest extends HandleRequest {
  readonly keyId: string
}

type KeyWork = (keystore: KeystoreV1, keyId: string, options: CallOptions) => Promise<unknown>

/** The service of our own host for keystores: it opens keystores and names them by handles. */
export class KeystoreService {
  readonly #plugin: ConfiguredPlugin<"keystore">
  readonly #clock: Clock
  readonly #open = new Map<string, KeystoreV1>()

  constructor({ plugin, clock }: Pick<ServeContext<"keystore">, "plugin" | "clock">) {
    this.#plugin = plugin
    this.#clock = clock
  }

  addTo(server: Server): void {
    const testConnection = connectionTestHandler<HandleRequest & { readonly giveUp: string }>(
      this.#clock,
      ({ handle }, options) => this.#keystoreOf(handle).testConnection(options),
    )
    server.addService(methodDefinitions(Keystores), {
      ...unaryImplementation(Keystores, this.#handlers()),
      testConnection,
    })
  }

  /** Closes every keystore that is open. */
  async close(): Promise<void> {
    const keystores = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(keystores.map((keystore) => keystore.close()))
  }

  #handlers(): UnaryHandlers<typeof Keystores> {
    return {
      open: (request, call) => this.#openKeystore(request, call),
      close: ({ handle }) => this.#closeKeystore(handle),
      encrypt: (request, call) => this.#encrypt(request, call),
      decrypt: (request, call) => this.#decrypt(request, call),
      setupMaterial: ownMethods(this.#clock)(({ configuration = {}, secretNames }: SetupMaterialRequest, options) => {
        const shown = Object.fromEntries(secretNames.map((name) => [name, unreadSecret]))
        return this.#plugin.current().setupMaterial({ ...configuration, ...shown }, options)
      }),
      probe: (request, call) =>
        this.#run(request, call, async (keystore, options) => jsonAnswer(await keystore.probe(options))),
      createKey: (request, call) =>
        this.#run(request, call, async (keystore, options) => {
          const origin = request.origin === "import" ? "import" : "generate"
          return jsonAnswer(await keystore.createKey({ keyId: request.keyId, origin }, options))
        }),
      importKeyMaterial: (request, call) =>
        this.#run(request, call, async (keystore, options) => {
          const { keyId, encryptedKeyMaterial, providerParams } = request
          const material = { key: { keyId }, encryptedKeyMaterial, providerParams }
          return jsonAnswer(await keystore.importKeyMaterial(material, options))
        }),
      describeKey: this.#onKey((keystore, keyId, options) => keystore.describeKey({ keyId }, options)),
      listKeyVersions: this.#onKey((keystore, keyId, options) => keystore.listKeyVersions({ keyId }, options)),
      enableKey: this.#onKey((keystore, keyId, options) => keystore.enableKey({ keyId }, options)),
      disableKey: this.#onKey((keystore, keyId, options) => keystore.disableKey({ keyId }, options)),
      rotateKey: this.#onKey((keystore, keyId, options) => keystore.rotateKey({ keyId }, options)),
      deleteKey: this.#onKey((keystore, keyId, options) => keystore.deleteKey({ keyId }, options)),
      getImportParameters: this.#onKey((keystore, keyId, options) => keystore.getImportParameters({ keyId }, options)),
    }
  }

  #openKeystore(request: OpenRequest, call: WireCall) {
    return ownCall(this.#clock, request, call, async (options) => {
      const secrets = Object.entries(request.secrets).map(([name, { value, version }]) => {
        const secret = secretFromBytes(value, version)
        value.fill(0)
        return [name, secret] as const
      })
      const input = { ...request.configuration, ...Object.fromEntries(secrets) }
      const keystore = await this.#plugin.current().openKeystore(input, options)
      // The host has given up, and would never close it.
      if (options.signal.aborted) {
        await keystore.close()
        throw abortReason(options.signal)
      }
      const handle = randomUUID()
      this.#open.set(handle, keystore)
      return { handle, defaultKeyId: keystore.defaultKey.keyId }
    })
  }

  async #closeKeystore(handle: string) {
    const keystore = this.#open.get(handle)
    this.#open.delete(handle)
    await keystore?.close()
    return {}
  }

  #encrypt(request: EncryptRequest, call: WireCall) {
    return this.#run(request, call, async (keystore, options) => {
      const { keyId, plaintext } = request
      try {
        const wanted = { key: { keyId }, plaintext, context: contextOf(request.context) }
        const made = await keystore.encrypt(wanted, options)
        return { ...made, backendRequestId: made.backendRequestId ?? "" }
      } finally {
        plaintext.fill(0)
      }
    })
  }

  #decrypt(request: DecryptRequest, call: WireCall) {
    return this.#run(request, call, async (keystore, options) => {
      const { keyId, ciphertext, keyVersion } = request
      const context = contextOf(request.context)
      const opened = await keystore.decrypt({ key: { keyId }, ciphertext, keyVersion, context }, options)
      return { ...opened, backendRequestId: opened.backendRequestId ?? "" }
    })
  }

  #onKey(work: KeyWork): (request: KeyRequest, call: WireCall) => Promise<Pick<Answer, "json">> {
    return (request, call) =>
      this.#run(request, call, async (keystore, options) => jsonAnswer(await work(keystore, request.keyId, options)))
  }

  #run<T>(
    request: HandleRequest,
    call: WireCall,
    work: (keystore: KeystoreV1, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    return ownCall(this.#clock, request, call, (options) => work(this.#keystoreOf(request.handle), options))
  }

  #keystoreOf(handle: string): KeystoreV1 {
    const keystore = this.#open.get(handle)
    if (keystore !== undefined) return keystore
    throw pluginError("CANCELLED", "The keystore is not open in this process.", "Open it again.", { origin: "plugin" })
  }
}

function contextOf(context: WireContext | undefined): EncryptionContext {
  if (context === undefined) throw new WireError(status.INVALID_ARGUMENT, "the encryption context is missing")
  const { tenantId, keyId, keyVersion } = context
  return { tenantId, keyId, keyVersion }
}
