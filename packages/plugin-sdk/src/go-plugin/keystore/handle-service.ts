import { randomUUID } from "node:crypto"
import type {
  CallOptions,
  EncryptionContext,
  JsonValue,
  KeystoreV1,
  PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { create, type Message } from "@bufbuild/protobuf"
import type { Server, ServerDuplexStream } from "@grpc/grpc-js"
import { status } from "@grpc/grpc-js"
import { callOptions, type RunningCall } from "../../deadline.ts"
import { pluginError } from "../../error-facts.ts"
import { secretFromBytes } from "../../secret.ts"
import {
  AnswerSchema,
  type Caller,
  Keystores,
  type TestRequest,
  type EncryptionContext as WireContext,
} from "../generated/apeiro/cmk/keystore/v1/keystore_pb.js"
import type { ConfiguredPlugin } from "../serve/configured-plugin.ts"
import { methodDefinitions } from "../wire/method-definition.ts"
import { unaryImplementation, type WireCall } from "../wire/unary-service.ts"
import { toServiceError, WireError } from "../wire/wire-error.ts"
import { upstreamError } from "./upstream-errors.ts"

/** The longest call that there is: a connection test; a caller without a deadline gets this one. */
const longestCallMs = 60_000

interface Asked {
  readonly caller?: Caller | undefined
  readonly handle: string
}

/** Adds the service of our own host to a server. @returns what closes every keystore that is open */
export function addHandleService(
  server: Server,
  plugin: ConfiguredPlugin,
  { clock }: Pick<PluginServices, "clock">,
): () => Promise<void> {
  const open = new Map<string, KeystoreV1>()

  const optionsOf = (caller: Caller | undefined, { signal, deadlineMs }: WireCall): RunningCall => {
    const timeoutMs = deadlineMs === undefined ? longestCallMs : deadlineMs - clock.nowMs()
    const { tenantId = "", traceparent = "" } = caller ?? {}
    return callOptions({ tenantId, timeoutMs, signal, clock, ...(traceparent === "" ? {} : { traceparent }) })
  }

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
      throw upstreamError(error)
    } finally {
      options.dispose()
    }
  }

  const onKey =
    <T>(work: (keystore: KeystoreV1, keyId: string, options: CallOptions) => Promise<T>) =>
    (request: Asked & { readonly keyId: string }, call: WireCall) =>
      run(request, call, async (keystore, options) => answerOf(await work(keystore, request.keyId, options)))

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
        throw upstreamError(error)
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
        return answerOf(await keystore.createKey({ keyId: request.keyId, origin }, options))
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
        return answerOf(await keystore.importKeyMaterial(material, options))
      }),
    probe: (request, call) => run(request, call, async (keystore, options) => answerOf(await keystore.probe(options))),
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
          stream.write(create(AnswerSchema, answerOf(step)))
        }
        stream.end()
      } catch (error) {
        stream.emit("error", toServiceError(upstreamError(error)))
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

function answerOf(value: unknown): { readonly json: string } {
  return { json: value === undefined ? "" : JSON.stringify(value) }
}

function contextOf(context: WireContext | undefined): EncryptionContext {
  if (context === undefined) throw new WireError(status.INVALID_ARGUMENT, "the encryption context is missing")
  const { tenantId, keyId, keyVersion } = context
  return { tenantId, keyId, keyVersion }
}
