/** Versions of a key are keys of their own; their labels tell which is which. Version 1 has the label of the key itself. */
export function labelOfVersion(keyLabel: string, version: number): string {
  return version === 1 ? keyLabel : `${keyLabel}.v${version}`
}

/** A version as the keystore names it: its number and, where the token tells one, its check value. */
export function versionName(version: number, checkValue: string): string {
  return checkValue === "" ? `${version}` : `${version}-${checkValue}`
}

/** Number in what {@link versionName} made; nothing for what it cannot have made. */
export function versionNumber(name: string): number | undefined {
  const [, digits] = /^([1-9][0-9]{0,5})(?:-[0-9a-f]{2,16})?$/.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}
