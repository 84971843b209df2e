import type { KeystoreCapability } from "@apeiro-cmk/plugin-interface"

/** Kinds of keystore about which the kit knows what they can do. */
export type BackendType = "openbao" | "aws-kms" | "fortanix-dsm" | "pkcs11" | "software"

/** What a plugin for each kind of keystore is expected to do, since the keystore can. The README has it as a table. */
export const expectedByBackend: Readonly<Record<BackendType, readonly KeystoreCapability[]>> = {
  openbao: ["listKeyVersions", "createKey", "rotateKey", "deleteKey", "importKey"],
  "aws-kms": ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey", "importKey"],
  // DSM unwraps under a key that it has already; making one for an import is left to its own tools.
  "fortanix-dsm": ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey"],
  // A token has no switch that disables a key; an import depends on its unwrap mechanisms. Versions are keys of one series.
  pkcs11: ["listKeyVersions", "createKey", "rotateKey", "deleteKey"],
  software: ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey"],
}
