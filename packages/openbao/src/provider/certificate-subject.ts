/** The parts of a certificate's subject that OpenBao can compare. */
export interface CertificateSubject {
  readonly commonName: string
  /** One of them must be the certificate's; none asks for none. */
  readonly organizationalUnits: readonly string[]
}

/** No `*`: OpenBao takes it for a wildcard. No `\` and `"`: what is escaped may be read in two ways. */
const plainPart = /^[^,+*\\"<>;=]{1,64}$/

/**
 * Reads a subject as the upstream host writes it: `CN=..,OU=a/b,O=..,L=..,C=..`, units parted by `/`. Pure.
 *
 * @returns `undefined` when it has not exactly one common name, or parts that could be read in two ways
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
