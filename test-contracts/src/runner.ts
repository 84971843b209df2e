/**
 * The two functions of a test runner that the kit needs: those of vitest, node:test, mocha and jest fit as they are.
 */
export interface TestRunner {
  /** Groups tests; the body runs at once and is synchronous. */
  describe(name: string, body: () => void): unknown
  /** Registers one test, which fails when the promise rejects. */
  it(name: string, body: () => Promise<void>): unknown
}

/** One case of a contract: a sentence about behaviour, and its proof. */
export interface ContractCase<Context> {
  readonly name: string
  run(context: Context): Promise<void>
}

/** Cases that stand or fall together with one ability. */
export interface ContractGroup<Context> {
  readonly name: string
  readonly cases: readonly ContractCase<Context>[]
}
