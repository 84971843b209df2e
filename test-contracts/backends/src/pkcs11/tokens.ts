/** Tokens of one PKCS#11 module in a folder of their own. */
export interface Pkcs11Tokens {
  /** The PKCS#11 module. */
  readonly module: string
  /** What a process needs to find these tokens. */
  readonly environment: Readonly<Record<string, string>>
  /** Makes a token; a library that has started already does not see it. @throws {Error} with the module's words */
  createToken(label: string, pin: string): Promise<void>
  /** Removes them. */
  stop(): Promise<void>
}

/** Lets the process of a token share what Node has compiled of it, where the test run has a cache for that. */
export function compileCache(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE: cache } = process.env
  return cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }
}
