/** Returns the label of a version. Each version is a separate key; version 1 has the label of the key itself. */
export function labelOfVersion(keyLabel: string, version: number): string {
  return version === 1 ? keyLabel : `${keyLabel}.v${version}`
}

/** Returns the label of the key whose version has this label; `undefined` for a label that names no version. */
export function keyOfVersionLabel(label: string): string | undefined {
  return /^(.+)\.v(?:[2-9]|[1-9][0-9]+)$/.exec(label)?.[1]
}

/** Returns the keystore's name of a version: its number and, where the token reports one, its check value. */
export function versionName(version: number, checkValue: string): string {
  return checkValue === "" ? `${version}` : `${version}-${checkValue}`
}

/** Returns the number in a name that {@link versionName} made; `undefined` for any other text. */
export function versionNumber(name: string): number | undefined {
  const [, digits] = /^([1-9][0-9]{0,5})(?:-[0-9a-f]{2,16})?$/.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}
