import type { KeystoreConfigurationInput, KeystorePluginV1, SecretHandle } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, isSecretHandle } from "@apeiro-cmk/plugin-sdk"
import { Keystores } from "../../generated/apeiro/cmk/keystore/v1/keystore_pb.js"
import type { PluginConnection } from "../../host/plugin-connection.ts"
import { readAnswer } from "../../host/read-answer.ts"
import { asked, behindSignal, callerOf } from "../../host/remote-call.ts"
import { setupDocumentsShape } from "../../host/setup-documents.ts"
import { toStruct } from "../../wire/struct.ts"
import { RemoteKeystore } from "./remote-keystore.ts"

const method = Keystores.method

/** Makes a keystore plugin in one process, which has been started and configured, look like one in this process. */
export function remoteKeystorePlugin(connection: PluginConnection): KeystorePluginV1 {
  return {
    async start(signal) {
      if (signal.aborted) throw abortReason(signal)
    },
    stop: () => connection.close(),
    async openKeystore(configuration, call) {
      const { plain, secrets } = divided(configuration)
      const values: SecretValues = {}
      const opening = readSecrets(secrets, values, call.signal).then(async () => {
        const request = { caller: callerOf(call), configuration: plain, secrets: values }
        // Not ended by the signal: a cancelled call leaves open whether the process has opened the keystore.
        const bounds = { deadlineMs: behindSignal(call).deadlineMs, signal: new AbortController().signal }
        const { handle, defaultKeyId } = await connection.call(method.open, request, bounds)
        return new RemoteKeystore(connection, handle, defaultKeyId)
      })
      const wiped = opening.finally(() => {
        for (const { value } of Object.values(values)) value.fill(0)
      })
      try {
        return await asked(abortable(wiped, call.signal), call)
      } catch (error) {
        void wiped.then((late) => late.close()).catch(() => undefined) // one that did not open has nothing to close
        throw error
      }
    },
    async setupMaterial(configuration, call) {
      const { plain, secrets } = divided(configuration)
      const request = { caller: callerOf(call), configuration: plain, secretNames: Object.keys(secrets) }
      const answer = connection.call(method.setupMaterial, request, behindSignal(call))
      return readAnswer(setupDocumentsShape, (await asked(answer, call)).json)
    },
  }
}

type Secrets = Readonly<Record<string, SecretHandle>>
type SecretValues = Record<string, { value: Uint8Array; version: string }>

/** Secrets travel apart from the rest, and as bytes. */
async function readSecrets(secrets: Secrets, values: SecretValues, signal: AbortSignal): Promise<void> {
  for (const [name, secret] of Object.entries(secrets)) {
    values[name] = { value: await secret.read(signal), version: secret.version }
  }
}

function divided(configuration: KeystoreConfigurationInput) {
  const plain: Record<string, unknown> = {}
  const secrets: Record<string, SecretHandle> = {}
  for (const [name, value] of Object.entries(configuration)) {
    if (isSecretHandle(value)) secrets[name] = value
    else if (value !== undefined) plain[name] = value
  }
  return { plain: toStruct(plain), secrets }
}
