/** A path with the capabilities that the policy may grant there; any other capability is excessive. */
export interface Excess {
  /** Path in the request to OpenBao. */
  readonly path: string
  /** Path in messages, where `*` stands for any other name. */
  readonly shownAs: string
  readonly needed: readonly string[]
  /** The harm that an excessive capability allows. */
  readonly because: string
}

/** No key and no mount has this name; a token that may access it may access any. */
const neighbour = "apeiro-cmk-neighbour"

/** Lists paths of other keys, in this mount and in others: a `*` or a `+` in the policy grants access to them. */
export function isolationOf(mountPath: string, keyId: string): readonly Excess[] {
  return [
    ...["encrypt", "decrypt", "rewrap", "datakey/plaintext"].map((operation) =>
      excess(`${mountPath}/${operation}/${neighbour}`, "use of other keys of the mount"),
    ),
    excess(`${mountPath}/export/encryption-key/${neighbour}`, "exporting other keys of the mount"),
    excess(`${neighbour}/decrypt/${keyId}`, "use of keys in other mounts"),
  ]
}

/** Lists everything else that a credential which only wraps with one key does not need, for a single request. */
export function excessesOn(mountPath: string, keyId: string): readonly Excess[] {
  return [
    excess(`${mountPath}/encrypt/${keyId}`, "a mistyped key name would create a key", ["update"]),
    excess(`${mountPath}/decrypt/${keyId}`, 'decrypt needs only "update"', ["update"]),
    excess(`${mountPath}/keys/${keyId}`, "changing the key", ["read"]),
    excess(`${mountPath}/keys/${keyId}/config`, "changing the key's settings"),
    excess(`${mountPath}/keys/${keyId}/rotate`, "rotating the key"),
    excess(`${mountPath}/keys/${keyId}/trim`, "destroying versions of the key"),
    excess(`${mountPath}/keys/${keyId}/soft-delete`, "disabling the key"),
    excess(`${mountPath}/keys/${keyId}/import`, "importing the key"),
    excess(`${mountPath}/keys/${keyId}/import_version`, "importing a version of the key"),
    excess(`${mountPath}/export/encryption-key/${keyId}`, "exporting the key"),
    excess(`${mountPath}/backup/${keyId}`, "backing the key up"),
    excess(`${mountPath}/restore/${keyId}`, "replacing the key with a backup"),
    excess(`${mountPath}/data/${keyId}`, "a transit engine has no such path"),
    excess(`sys/policies/acl/${neighbour}`, "writing policies", ["read"]),
    excess(`sys/mounts/${neighbour}`, "changing mounts", ["read"]),
    excess("sys/raw", "reading OpenBao's storage"),
    excess("auth/token/create", "creating tokens"),
  ]
}

function excess(path: string, because: string, needed: readonly string[] = []): Excess {
  return { path, shownAs: path.replace(neighbour, "*"), needed, because }
}
