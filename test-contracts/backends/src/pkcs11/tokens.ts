/** Tokens of one PKCS#11 module in a separate folder. */
export interface Pkcs11Tokens {
  /** The PKCS#11 module. */
  readonly module: string
  /** Environment variables by which a process finds these tokens. */
  readonly environment: Readonly<Record<string, string>>
  /** Creates a token; a library that has already started does not see it. @throws {Error} with the module's message */
  createToken(label: string, pin: string): Promise<void>
  /** Removes the tokens. */
  stop(): Promise<void>
}

/** Lets the process of a token use the test run's cache of compiled code, where there is one. */
export function compileCache(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE: cache } = process.env
  return cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }
}
