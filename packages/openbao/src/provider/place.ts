import type { PlatformConfiguration } from "./platform-configuration.ts"

/** Place of one keystore on the platform's server. */
export interface ProvidedPlace {
  /** Name of its namespace, or of its mounts. */
  readonly name: string
  /** Namespace that belongs to the keystore alone; absent when only mounts separate the keystores. */
  readonly ownNamespace?: string
  /** Mount of the transit engine, within that namespace. */
  readonly mountPath: string
  readonly authMountPath: string
  readonly keyName: string
  /** Text that identifies the keystore: anything with another mark has another owner. */
  readonly mark: string
  /** Returns a path of the keystore's namespace as seen from the platform's namespace. */
  at(path: string): string
}

/** Names the place of a keystore. No two keystores share one, because tenant ids contain no underscore. Pure. */
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
