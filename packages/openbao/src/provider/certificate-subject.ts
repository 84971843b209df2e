/** Parts of a certificate's subject that OpenBao can compare. */
export interface CertificateSubject {
  readonly commonName: string
  /** The certificate must have one of them; an empty list requires none. */
  readonly organizationalUnits: readonly string[]
}

/** No `*`, which OpenBao treats as a wildcard. No `\` and `"`, because escapes are ambiguous. */
const plainPart = /^[^,+*\\"<>;=]{1,64}$/

/**
 * Parses a subject in the form of the upstream host: `CN=..,OU=a/b,O=..,L=..,C=..`, units separated by `/`. Pure.
 *
 * @returns `undefined` when the subject does not have exactly one common name, or has ambiguous parts
 */
export function readSubject(text: string): CertificateSubject | undefined {
  const parts = text.split(",").map((part) => /^\s*([A-Za-z]+)=(.*)$/.exec(part)?.slice(1) ?? [])
  const values = (name: string) => parts.filter(([type]) => type?.toUpperCase() === name).map(([, value = ""]) => value)
  const [commonName, ...more] = values("CN")
  const organizationalUnits = values("OU").flatMap((value) => value.split("/"))
  if (commonName === undefined || more.length > 0 || parts.some(([type]) => type === undefined)) return undefined
  if (![commonName, ...organizationalUnits].every((part) => plainPart.test(part))) return undefined
  return { commonName, organizationalUnits }
}
