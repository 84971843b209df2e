import type { CallOptions, KeystoreConfigurationInput, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import type { RunningKeystorePlugin } from "./ports.ts"
import { asCodedError } from "./undeclared-error.ts"

/**
 * Opens a keystore. One that opens after `call.signal` has fired is closed again, since nobody waits for it.
 * @throws {PluginError} INVALID_REQUEST - the configuration is wrong
 */
export async function openKeystore(
  { instance }: RunningKeystorePlugin,
  input: KeystoreConfigurationInput,
  call: CallOptions,
): Promise<KeystoreV1> {
  try {
    const keystore = await instance.openKeystore(input, call)
    if (call.signal.aborted) await keystore.close()
    return keystore
  } catch (error) {
    throw asCodedError(error)
  }
}
