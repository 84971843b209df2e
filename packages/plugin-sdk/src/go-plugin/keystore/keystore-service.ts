import { randomUUID } from "node:crypto"
import type {
  CallOptions,
  EncryptionContext,
  JsonValue,
  KeystorePluginV1,
  KeystoreV1,
} from "@apeiro-cmk/plugin-interface"
import { create, type Message } from "@bufbuild/protobuf"
import type { ServerDuplexStream } from "@grpc/grpc-js"
import { status } from "@grpc/grpc-js"
import { pluginError } from "../../error-facts.ts"
import { secretFromBytes } from "../../secret.ts"
import { wireError } from "../errors/upstream-errors.ts"
import { AnswerSchema, type Caller } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import {
  Keystores,
  type SetupMaterialRequest,
  type TestRequest,
  type EncryptionContext as WireContext,
} from "../generated/apeiro/cmk/keystore/v1/keystore_pb.js"
import { jsonAnswer, ownCallOptions, ownMethods } from "../own-call.ts"
import type { ServeContext } from "../serve/served-kind.ts"
import { methodDefinitions } from "../wire/method-definition.ts"
import { unaryImplementation, type WireCall } from "../wire/unary-service.ts"
import { toServiceError, WireError } from "../wire/wire-error.ts"

/** Stands for a secret where only its being there counts. */
const unreadSecret = secretFromBytes(new Uint8Array(), "unread")

interface Asked {
  readonly caller?: Caller | undefined
  readonly handle: string
}

/** Adds the service of our own host. @returns what closes every keystore that is open */
export function addKeystoreService({
  server,
  plugin,
  services: { clock },
}: ServeContext<KeystorePluginV1>): () => Promise<void> {
  const open = new Map<string, KeystoreV1>()
  const optionsOf = (caller: Caller | undefined, call: WireCall) => ownCallOptions(clock, caller, call)

  const keystoreOf = (handle: string): KeystoreV1 => {
    const keystore = open.get(handle)
    if (keystore !== undefined) return keystore
    throw pluginError("CANCELLED", "The keystore is not open in this process.", "Open it again.", { origin: "plugin" })
  }

  const run = async <T>(
    { caller, handle }: Asked,
    call: WireCall,
    work: (keystore: KeystoreV1, options: CallOptions) => Promise<T>,
  ): Promise<T> => {
    const options = optionsOf(caller, call)
    try {
      return await work(keystoreOf(handle), options)
    } catch (error) {
      throw wireError(error)
    } finally {
      options.dispose()
    }
  }

  const onKey =
    <T>(work: (keystore: KeystoreV1, keyId: string, options: CallOptions) => Promise<T>) =>
    (request: Asked & { readonly keyId: string }, call: WireCall) =>
      run(request, call, async (keystore, options) => jsonAnswer(await work(keystore, request.keyId, options)))

  const handlers = unaryImplementation(Keystores, {
    async open({ caller, configuration = {}, secrets }, call) {
      const options = optionsOf(caller, call)
      try {
        const handles = Object.entries(secrets).map(([name, { value, version }]) => {
          const secret = secretFromBytes(value, version)
          value.fill(0)
          return [name, secret] as const
        })
        const input = { ...(configuration as Record<string, JsonValue>), ...Object.fromEntries(handles) }
        const keystore = await plugin.current().openKeystore(input, options)
        const handle = randomUUID()
        open.set(handle, keystore)
        return { handle, defaultKeyId: keystore.defaultKey.keyId }
      } catch (error) {
        throw wireError(error)
      } finally {
        options.dispose()
      }
    },
    async close({ handle }) {
      const keystore = open.get(handle)
      open.delete(handle)
      await keystore?.close()
      return {}
    },
    encrypt: (request, call) =>
      run(request, call, async (keystore, options) => {
        const { keyId, plaintext } = request
        try {
          const made = await keystore.encrypt(
            { key: { keyId }, plaintext, context: contextOf(request.context) },
            options,
          )
          return { ...made, backendRequestId: made.backendRequestId ?? "" }
        } finally {
          plaintext.fill(0)
        }
      }),
    decrypt: (request, call) =>
      run(request, call, async (keystore, options) => {
        const { keyId, ciphertext, keyVersion } = request
        const context = contextOf(request.context)
        const opened = await keystore.decrypt({ key: { keyId }, ciphertext, keyVersion, context }, options)
        return { ...opened, backendRequestId: opened.backendRequestId ?? "" }
      }),
    describeKey: onKey((keystore, keyId, options) => keystore.describeKey({ keyId }, options)),
    listKeyVersions: onKey((keystore, keyId, options) => keystore.listKeyVersions({ keyId }, options)),
    createKey: (request, call) =>
      run(request, call, async (keystore, options) => {
        const origin = request.origin === "import" ? "import" : "generate"
        return jsonAnswer(await keystore.createKey({ keyId: request.keyId, origin }, options))
      }),
    enableKey: onKey((keystore, keyId, options) => keystore.enableKey({ keyId }, options)),
    disableKey: onKey((keystore, keyId, options) => keystore.disableKey({ keyId }, options)),
    rotateKey: onKey((keystore, keyId, options) => keystore.rotateKey({ keyId }, options)),
    deleteKey: onKey((keystore, keyId, options) => keystore.deleteKey({ keyId }, options)),
    getImportParameters: onKey((keystore, keyId, options) => keystore.getImportParameters({ keyId }, options)),
    importKeyMaterial: (request, call) =>
      run(request, call, async (keystore, options) => {
        const { keyId, encryptedKeyMaterial, providerParams } = request
        const material = { key: { keyId }, encryptedKeyMaterial, providerParams }
        return jsonAnswer(await keystore.importKeyMaterial(material, options))
      }),
    setupMaterial: ownMethods(clock)(({ configuration = {}, secretNames }: SetupMaterialRequest, options) => {
      const shown = Object.fromEntries(secretNames.map((name) => [name, unreadSecret]))
      return plugin.current().setupMaterial({ ...configuration, ...shown }, options)
    }),
    probe: (request, call) =>
      run(request, call, async (keystore, options) => jsonAnswer(await keystore.probe(options))),
  })

  const testConnection = (stream: ServerDuplexStream<TestRequest, Message>) => {
    const controller = new AbortController()
    const giveUp = (code: string) =>
      controller.abort(
        pluginError(
          code === "TIMED_OUT" ? code : "CANCELLED",
          "The caller gave up.",
          "Test again when the answer is wanted.",
        ),
      )
    const steps = async ({ caller, handle }: TestRequest) => {
      const options = optionsOf(caller, { signal: controller.signal })
      try {
        for await (const step of keystoreOf(handle).testConnection(options)) {
          stream.write(create(AnswerSchema, jsonAnswer(step)))
        }
        stream.end()
      } catch (error) {
        stream.emit("error", toServiceError(wireError(error)))
      } finally {
        options.dispose()
      }
    }
    stream.once("data", (first: TestRequest) => {
      stream.on("data", (next: TestRequest) => giveUp(next.giveUp))
      if (first.giveUp !== "") giveUp(first.giveUp)
      void steps(first)
    })
    stream.once("cancelled", () => giveUp("CANCELLED"))
  }

  server.addService(methodDefinitions(Keystores), { ...handlers, testConnection })
  const closeAll = async () => {
    const keystores = [...open.values()]
    open.clear()
    await Promise.all(keystores.map((keystore) => keystore.close()))
  }
  return closeAll
}

function contextOf(context: WireContext | undefined): EncryptionContext {
  if (context === undefined) throw new WireError(status.INVALID_ARGUMENT, "the encryption context is missing")
  const { tenantId, keyId, keyVersion } = context
  return { tenantId, keyId, keyVersion }
}
