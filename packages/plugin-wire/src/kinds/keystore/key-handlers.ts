import type { CallOptions, KeyDescription, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { timestampFromMs } from "@bufbuild/protobuf/wkt"
import type { KeystoreInstanceKeyOperationSince015 } from "../../generated/plugin/keystore/operations/v1/get_key_versions_pb.js"
import {
  KeyAlgorithm,
  type KeystoreInstanceKeyOperation,
  KeyType,
} from "../../generated/plugin/keystore/operations/v1/operations_pb.js"
import type { UnaryHandlers } from "../../wire/unary-service.ts"
import type { WireCall } from "../../wire/wire-call.ts"
import type { KeystoreRun, KeyTarget } from "./keystore-run.ts"

type Operations = UnaryHandlers<typeof KeystoreInstanceKeyOperation>
type KeyOperation =
  | "getKey"
  | "createKey"
  | "deleteKey"
  | "enableKey"
  | "disableKey"
  | "getImportParameters"
  | "importKeyMaterial"

/** Handlers of the calls that touch a key. */
export type KeyHandlers = Pick<Operations, KeyOperation> & UnaryHandlers<typeof KeystoreInstanceKeyOperationSince015>

/** The only usage there is; the upstream host reads it and does nothing with it. */
const usage = "ENCRYPT_DECRYPT"

/** Translates upstream's calls into the methods of a keystore. */
export function keyHandlers(run: KeystoreRun): KeyHandlers {
  return {
    getKey: ({ parameters }, call) =>
      run(parameters, call, async (keystore, keyId, options) =>
        keyAnswer(await keystore.describeKey({ keyId }, options)),
      ),
    getKeyVersions: ({ parameters }, call) => run(parameters, call, listVersions),
    createKey: ({ config, id = "", region, algorithm, keyType }, call) =>
      run({ keyId: id, region, config }, call, async (keystore, keyId, options) => {
        if (keyId === "") throw pluginError("INVALID_REQUEST", "The new key has no id.", "Send the id of the key.")
        if (algorithm !== KeyAlgorithm.AES256) {
          throw pluginError("INVALID_REQUEST", "The plugin creates AES256 keys only.", "Send KEY_ALGORITHM_AES256.")
        }
        const origin = keyType === KeyType.BYOK ? "import" : "generate"
        const made = await keystore.createKey({ keyId, origin }, options)
        return { keyId: made.key.keyId, status: made.state }
      }),
    deleteKey: withoutAnswer(run, (keystore, keyId, options) => keystore.deleteKey({ keyId }, options)),
    enableKey: withoutAnswer(run, (keystore, keyId, options) => keystore.enableKey({ keyId }, options)),
    disableKey: withoutAnswer(run, (keystore, keyId, options) => keystore.disableKey({ keyId }, options)),
    getImportParameters: ({ parameters }, call) =>
      run(parameters, call, async (keystore, keyId, options) => {
        const { validToMs, ...rest } = await keystore.getImportParameters({ keyId }, options)
        const validTo = validToMs === undefined ? {} : { validTo: new Date(validToMs).toISOString() }
        return { keyId, importParameters: { ...rest, ...validTo } }
      }),
    importKeyMaterial: ({ parameters, importParameters, encryptedKeyMaterial }, call) =>
      run(parameters, call, async (keystore, keyId, options) => {
        const providerParams = importParameters?.providerParams
        if (typeof providerParams !== "string") {
          const next = "Send the import parameters unchanged, as GetImportParameters returned them."
          throw pluginError("INVALID_REQUEST", "import_parameters has no text providerParams.", next)
        }
        const material = Buffer.from(encryptedKeyMaterial, "base64")
        await keystore.importKeyMaterial({ key: { keyId }, encryptedKeyMaterial: material, providerParams }, options)
        return {}
      }),
  }
}

function withoutAnswer(
  run: KeystoreRun,
  work: (keystore: KeystoreV1, keyId: string, options: CallOptions) => Promise<void>,
) {
  return ({ parameters }: { readonly parameters?: KeyTarget | undefined }, call: WireCall) =>
    run(parameters, call, async (keystore, keyId, options) => {
      await work(keystore, keyId, options)
      return {}
    })
}

async function listVersions(keystore: KeystoreV1, keyId: string, options: CallOptions) {
  const versions = await keystore.listKeyVersions({ keyId }, options)
  let lastMs = Number.NEGATIVE_INFINITY
  return {
    versions: versions.map(({ versionId, createdAtMs, status }) => {
      // The upstream host takes the latest version for the newest; keystores count in seconds, and clocks go back.
      lastMs = Math.max(createdAtMs, lastMs + 1)
      return { versionId, creationTime: timestampFromMs(lastMs), status }
    }),
  }
}

function keyAnswer({ key, state, algorithm, latestVersion, latestVersionCreatedAtMs = 0 }: KeyDescription) {
  return {
    keyId: key.keyId,
    algorithm: /^aes256|^aes-?256|^SYMMETRIC_DEFAULT$/i.test(algorithm)
      ? KeyAlgorithm.AES256
      : KeyAlgorithm.UNSPECIFIED,
    status: state,
    usage,
    // The upstream host records a version only together with a time: 1970 where the keystore knows none.
    ...(latestVersion === "unknown"
      ? {}
      : { latestKeyVersionId: latestVersion, latestRotationTime: timestampFromMs(latestVersionCreatedAtMs) }),
  }
}
