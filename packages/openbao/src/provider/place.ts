import { setupName } from "../setup/name.ts"
import type { PlatformConfiguration } from "./platform-configuration.ts"

/** Place of one keystore on the platform's server. */
export interface ProvidedPlace {
  /** Name of its namespace, or of its mounts. */
  readonly name: string
  /** Namespace that belongs to the keystore alone; absent when only mounts separate the keystores. */
  readonly ownNamespace?: string
  /** Mount of the transit engine, within that namespace. */
  readonly mountPath: string
  /** Mount of AppRole: the keystore's own in its namespace; else one for all, which the administrator of OpenBao made. */
  readonly authMountPath: string
  readonly roleName: string
  /** The one policy of the role. Without a namespace of its own: a template that reaches the mount named like the role. */
  readonly policyName: string
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
    const shared = { authMountPath: `${prefix}keystores`, policyName: `${prefix}keystore` }
    return { ...common, ...shared, mountPath: name, roleName: name, at: (path) => path }
  }
  const at = (path: string) => `${name}/${path}`
  const own = setupName({ mount_path: "transit", key_name: common.keyName })
  const login = { authMountPath: "approle", roleName: own, policyName: own }
  return { ...common, ...login, ownNamespace: name, mountPath: "transit", at }
}
