import type { PlatformConfiguration } from "./platform-configuration.ts"

/** Where on the platform's server one keystore is. */
export interface ProvidedPlace {
  /** Name of its namespace, or of its mounts. */
  readonly name: string
  /** The namespace that is the keystore's own; absent where mounts alone keep keystores apart. */
  readonly ownNamespace?: string
  /** Within that namespace. */
  readonly mountPath: string
  readonly authMountPath: string
  readonly keyName: string
  /** Says in words which keystore it is: what carries another mark was made by somebody else. */
  readonly mark: string
  /** The path of something in the keystore's namespace, as it is seen from the platform's. */
  at(path: string): string
}

/**
 * Names the place of a keystore: no two share one, since a tenant's id has no underscore. Pure.
 */
export function placeOf(
  { isolation, name_prefix: prefix }: PlatformConfiguration,
  tenantId: string,
  keystoreId: string,
): ProvidedPlace {
  const name = `${prefix}${tenantId}_${keystoreId}`
  const common = { name, keyName: "l1", mark: `apeiro-cmk: keystore ${keystoreId} of tenant ${tenantId}` }
  if (isolation === "mount") {
    return { ...common, mountPath: name, authMountPath: name, at: (path) => path }
  }
  const at = (path: string) => `${name}/${path}`
  return { ...common, ownNamespace: name, mountPath: "transit", authMountPath: "approle", at }
}
