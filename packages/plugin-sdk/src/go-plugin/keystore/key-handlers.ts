import type { KeyDescription } from "@apeiro-cmk/plugin-interface"
import { timestampFromMs } from "@bufbuild/protobuf/wkt"
import { pluginError } from "../../error-facts.ts"
import type { KeystoreInstanceKeyOperationSince015 } from "../generated/plugin/keystore/operations/v1/get_key_versions_pb.js"
import {
  KeyAlgorithm,
  type KeystoreInstanceKeyOperation,
  KeyType,
} from "../generated/plugin/keystore/operations/v1/operations_pb.js"
import type { UnaryHandlers } from "../wire/unary-service.ts"
import type { KeystoreRun } from "./upstream-keystores.ts"

type Operations = UnaryHandlers<typeof KeystoreInstanceKeyOperation>
type KeyOperation =
  | "getKey"
  | "createKey"
  | "deleteKey"
  | "enableKey"
  | "disableKey"
  | "getImportParameters"
  | "importKeyMaterial"

/** The calls that touch a key. */
export type KeyHandlers = Pick<Operations, KeyOperation> & UnaryHandlers<typeof KeystoreInstanceKeyOperationSince015>

/** The only usage there is; the upstream host reads it and does nothing with it. */
const usage = "ENCRYPT_DECRYPT"

/** Puts a keystore's methods behind upstream's messages. */
export function keyHandlers(run: KeystoreRun): KeyHandlers {
  return {
    getKey: ({ parameters }, call) =>
      run(parameters, call, async (keystore, keyId, options) =>
        keyAnswer(await keystore.describeKey({ keyId }, options)),
      ),

    getKeyVersions: ({ parameters }, call) =>
      run(parameters, call, async (keystore, keyId, options) => {
        const versions = await keystore.listKeyVersions({ keyId }, options)
        let lastMs = Number.NEGATIVE_INFINITY
        return {
          versions: versions.map(({ versionId, createdAtMs, status }) => {
            // The upstream host takes the latest for the newest; keystores count in seconds, and clocks go back.
            lastMs = Math.max(createdAtMs, lastMs + 1)
            return { versionId, creationTime: timestampFromMs(lastMs), status }
          }),
        }
      }),

    createKey: ({ config, id = "", region, algorithm, keyType }, call) => {
      const target = { keyId: id, region, config }
      return run(target, call, async (keystore, keyId, options) => {
        if (keyId === "") throw pluginError("INVALID_REQUEST", "The new key has no id.", "Send the id of the key.")
        if (algorithm !== KeyAlgorithm.AES256) {
          throw pluginError("INVALID_REQUEST", "Only AES256 keys are made.", "Send KEY_ALGORITHM_AES256.")
        }
        const origin = keyType === KeyType.BYOK ? "import" : "generate"
        const made = await keystore.createKey({ keyId, origin }, options)
        return { keyId: made.key.keyId, status: made.state }
      })
    },

    deleteKey: ({ parameters }, call) =>
      run(parameters, call, async (keystore, keyId, options) => {
        await keystore.deleteKey({ keyId }, options)
        return {}
      }),

    enableKey: ({ parameters }, call) =>
      run(parameters, call, async (keystore, keyId, options) => {
        await keystore.enableKey({ keyId }, options)
        return {}
      }),

    disableKey: ({ parameters }, call) =>
      run(parameters, call, async (keystore, keyId, options) => {
        await keystore.disableKey({ keyId }, options)
        return {}
      }),

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
          const next = "Send the import parameters as they were given out."
          throw pluginError("INVALID_REQUEST", "import_parameters has no text providerParams.", next)
        }
        const material = Buffer.from(encryptedKeyMaterial, "base64")
        await keystore.importKeyMaterial({ key: { keyId }, encryptedKeyMaterial: material, providerParams }, options)
        return {}
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
    // The upstream host notes a version only with a time: 1970 where the keystore knows none, as it notes by itself.
    ...(latestVersion === "unknown"
      ? {}
      : { latestKeyVersionId: latestVersion, latestRotationTime: timestampFromMs(latestVersionCreatedAtMs) }),
  }
}
