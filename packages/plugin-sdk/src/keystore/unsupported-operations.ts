import type { KeystoreCapability, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { unsupported } from "../errors/error-facts.ts"

type CapabilityMethods = Pick<
  KeystoreV1,
  | "listKeyVersions"
  | "createKey"
  | "enableKey"
  | "disableKey"
  | "rotateKey"
  | "deleteKey"
  | "getImportParameters"
  | "importKeyMaterial"
>

/**
 * Makes every method of a keystore that depends on a capability; each rejects with `UNSUPPORTED`. Spread it into a keystore
 * and write the methods of the declared capabilities after it.
 *
 * @param reasons - the manifest's `unsupported`
 */
export function unsupportedOperations(
  reasons: Readonly<Partial<Record<KeystoreCapability, string>>>,
): CapabilityMethods {
  const refuse = (capability: KeystoreCapability) => async (): Promise<never> => {
    throw unsupported(capability, reasons[capability] ?? "it is not implemented")
  }
  return {
    listKeyVersions: refuse("listKeyVersions"),
    createKey: refuse("createKey"),
    enableKey: refuse("enableKey"),
    disableKey: refuse("disableKey"),
    rotateKey: refuse("rotateKey"),
    deleteKey: refuse("deleteKey"),
    getImportParameters: refuse("importKey"),
    importKeyMaterial: refuse("importKey"),
  }
}
