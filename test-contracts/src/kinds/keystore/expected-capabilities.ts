import type { KeystoreCapability } from "@apeiro-cmk/plugin-interface"

/** Kinds of keystore whose abilities the kit knows. */
export type BackendType = "openbao" | "aws-kms" | "fortanix-dsm" | "pkcs11" | "software"

/** Capabilities that a plugin must have, since its kind of keystore has them. The README has the same table. */
export const expectedByBackend: Readonly<Record<BackendType, readonly KeystoreCapability[]>> = {
  openbao: ["listKeyVersions", "createKey", "rotateKey", "deleteKey", "importKey"],
  "aws-kms": ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey", "importKey"],
  // DSM unwraps under a key that it has already; making one for an import is left to its own tools.
  "fortanix-dsm": ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey"],
  // A token has no switch that disables a key; an import depends on its unwrap mechanisms. Versions are keys of one series.
  pkcs11: ["listKeyVersions", "createKey", "rotateKey", "deleteKey"],
  software: ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey"],
}
