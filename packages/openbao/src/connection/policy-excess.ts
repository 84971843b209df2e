/** A path, and what the policy may grant there; all else is too much. */
export interface Excess {
  /** As OpenBao is asked about it. */
  readonly path: string
  /** As it is shown: a name that stands for any other is a `*` there. */
  readonly shownAs: string
  readonly needed: readonly string[]
  /** What one could do with more. */
  readonly because: string
}

/** No key and no mount has this name; a token that may use it may use any. */
const neighbour = "apeiro-cmk-neighbour"

/** Paths of other keys, in this mount and in others: a `*` or a `+` in the policy reaches them. */
export function isolationOf(mountPath: string, keyId: string): readonly Excess[] {
  return [
    ...["encrypt", "decrypt", "rewrap", "datakey/plaintext"].map((operation) =>
      excess(`${mountPath}/${operation}/${neighbour}`, "use of other keys of the mount"),
    ),
    excess(`${mountPath}/export/encryption-key/${neighbour}`, "exporting other keys of the mount"),
    excess(`${neighbour}/decrypt/${keyId}`, "use of keys in other mounts"),
  ]
}

/** Everything else that a credential which only wraps with one key has no need of. A fixed list, for one request. */
export function excessesOn(mountPath: string, keyId: string): readonly Excess[] {
  return [
    excess(`${mountPath}/encrypt/${keyId}`, "a mistyped key would be made", ["update"]),
    excess(`${mountPath}/decrypt/${keyId}`, 'decrypt needs "update" alone', ["update"]),
    excess(`${mountPath}/keys/${keyId}`, "changing the key", ["read"]),
    excess(`${mountPath}/keys/${keyId}/config`, "changing the key's settings"),
    excess(`${mountPath}/keys/${keyId}/rotate`, "rotating the key"),
    excess(`${mountPath}/keys/${keyId}/trim`, "destroying versions of the key"),
    excess(`${mountPath}/keys/${keyId}/soft-delete`, "disabling the key"),
    excess(`${mountPath}/keys/${keyId}/import`, "importing the key"),
    excess(`${mountPath}/keys/${keyId}/import_version`, "importing a version of the key"),
    excess(`${mountPath}/export/encryption-key/${keyId}`, "exporting the key"),
    excess(`${mountPath}/backup/${keyId}`, "backing the key up"),
    excess(`${mountPath}/restore/${keyId}`, "replacing the key by a backup"),
    excess(`${mountPath}/data/${keyId}`, "a transit engine has no such path"),
    excess(`sys/policies/acl/${neighbour}`, "writing policies", ["read"]),
    excess(`sys/mounts/${neighbour}`, "changing mounts", ["read"]),
    excess("sys/raw", "reading OpenBao's storage"),
    excess("auth/token/create", "making tokens"),
  ]
}

function excess(path: string, because: string, needed: readonly string[] = []): Excess {
  return { path, shownAs: path.replace(neighbour, "*"), needed, because }
}
