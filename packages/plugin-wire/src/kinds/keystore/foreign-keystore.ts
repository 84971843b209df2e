import type {
  CallOptions,
  ConnectionStep,
  KeyDescription,
  KeystorePluginV1,
  KeystoreV1,
  SecretHandle,
} from "@apeiro-cmk/plugin-interface"
import { isPluginError } from "@apeiro-cmk/plugin-interface"
import {
  configurationError,
  pluginError,
  requireConfiguration,
  scrubbedCause,
  secret,
  unsupported,
  unsupportedOperations,
} from "@apeiro-cmk/plugin-sdk"
import { timestampMs } from "@bufbuild/protobuf/wkt"
import * as z from "zod"
import { foreignKeystoreCode } from "../../errors/upstream-errors.ts"
import {
  type GetKeyResponse,
  KeyAlgorithm,
  KeystoreInstanceKeyOperation,
} from "../../generated/plugin/keystore/operations/v1/operations_pb.js"
import type { PluginConnection } from "../../host/plugin-connection.ts"
import { asked, behindSignal } from "../../host/remote-call.ts"
import { toStruct } from "../../wire/struct.ts"
import { WireError } from "../../wire/wire-error.ts"

const method = KeystoreInstanceKeyOperation.method

/** Configuration of a keystore whose executable serves only upstream's service, and so has no schema. */
export const upstreamKeystoreConfiguration = z.strictObject({
  key_id: z.string().min(1).max(2048).meta({ title: "Key", description: "The keystore's own name for the key." }),
  values: z
    .record(z.string().max(256), z.union([z.string().max(65_536), z.number(), z.boolean()]))
    .default({})
    .meta({
      maxProperties: 256,
      title: "Access data",
      description: "Members of the configuration that the plugin receives with each call; no secrets.",
    }),
  secret_values: secret().optional().meta({
    title: "Secret access data",
    description: "JSON object with members in addition to those of `values`.",
  }),
})

const reason = "the plugin serves only upstream's service, which has no such call"

/** Makes a keystore plugin of a process that serves only upstream's service: it describes keys, and cannot encrypt. */
export function upstreamKeystorePlugin(connection: PluginConnection): KeystorePluginV1 {
  return {
    start: async () => undefined,
    stop: () => connection.close(),
    async openKeystore(input) {
      return upstreamKeystore(connection, requireConfiguration(upstreamKeystoreConfiguration, input))
    },
    setupMaterial: async () => [
      {
        title: "Access data",
        fileName: "access-data.txt",
        language: "text",
        text: "This plugin serves only upstream's service: its own documentation says how to prepare its keystore.\n",
      },
    ],
  }
}

function upstreamKeystore(
  connection: PluginConnection,
  { key_id, values, secret_values }: z.output<typeof upstreamKeystoreConfiguration>,
): KeystoreV1 {
  const refuse = (what: string) => async (): Promise<never> => {
    throw unsupported(what, reason)
  }
  const describeKey = async ({ keyId }: { readonly keyId: string }, call: CallOptions): Promise<KeyDescription> => {
    const config = { values: toStruct({ ...values, ...(await secretMembers(secret_values, call)) }) }
    const request = { parameters: { keyId, config } }
    const answer = connection.call(method.getKey, request, behindSignal(call)).catch(inOurWords)
    return description(keyId, await asked(answer, call))
  }
  return {
    ...unsupportedOperations({}),
    defaultKey: { keyId: key_id },
    encrypt: refuse("encrypt"),
    decrypt: refuse("decrypt"),
    probe: refuse("probe"),
    describeKey,
    async *testConnection(call) {
      yield await step("key", async () => {
        const { state } = await describeKey({ keyId: key_id }, call)
        return `The plugin finds the key; its state is ${state}.`
      })
      yield await step("encrypt", refuse("encrypt"))
    },
    close: async () => undefined,
  }
}

/** Replaces the message of a foreign plugin: nobody guarantees that it holds no secret. */
function inOurWords(error: unknown): never {
  const code = error instanceof WireError ? foreignKeystoreCode(error) : undefined
  if (code === undefined) throw error
  throw pluginError(code, "The plugin cannot describe the key.", "Look at the plugin's log and its documentation.", {
    cause: scrubbedCause(error),
  })
}

async function step(name: string, work: () => Promise<string>): Promise<ConnectionStep> {
  const startedMs = performance.now()
  try {
    const message = await work()
    return { name, outcome: "passed", durationMs: performance.now() - startedMs, message }
  } catch (error) {
    if (!isPluginError(error)) throw error
    const { code, message, nextStep } = error
    return { name, outcome: "failed", durationMs: performance.now() - startedMs, message, nextStep, code }
  }
}

async function secretMembers(handle: SecretHandle | undefined, { signal }: CallOptions): Promise<object> {
  if (handle === undefined) return {}
  const bytes = await handle.read(signal)
  try {
    return secretShape.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    // Without the parsers' messages: they quote the text.
    throw configurationError([{ path: ["secret_values"], message: "must be the JSON of an object" }])
  } finally {
    bytes.fill(0)
  }
}

const secretShape = z.record(z.string(), z.json())
const states = z.enum(["ENABLED", "DISABLED", "PENDING_IMPORT", "PENDING_DELETION"])

function description(keyId: string, answer: GetKeyResponse): KeyDescription {
  const { latestRotationTime: rotatedAt } = answer
  return {
    key: { keyId: answer.keyId || keyId },
    identity: answer.keyId || keyId,
    state: states.safeParse(answer.status).data ?? "UNKNOWN",
    algorithm: answer.algorithm === KeyAlgorithm.AES256 ? "aes256" : "unknown",
    exportable: "unknown",
    latestVersion: answer.latestKeyVersionId || "unknown",
    ...(rotatedAt === undefined ? {} : { latestVersionCreatedAtMs: timestampMs(rotatedAt) }),
    warnings: [],
  }
}
