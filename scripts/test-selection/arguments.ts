/** The requested tests, and the arguments for vitest. */
export type TestRequest =
  /** Every test. Only these runs compare their cases with those of the previous run. */
  | { readonly scope: "all"; readonly passedOn: readonly string[] }
  /** The tests that the arguments for vitest select. */
  | { readonly scope: "chosen"; readonly passedOn: readonly string[] }
  /** The tests that need no server and no other process. */
  | { readonly scope: "quick"; readonly passedOn: readonly string[] }
  /** The tests that a change since `base` can reach. */
  | { readonly scope: "changed"; readonly base: string | undefined; readonly passedOn: readonly string[] }

/**
 * Reads the arguments of `scripts/test.ts`: `--quick`, or `--changed` with an optional commit, then those of vitest.
 */
export function testRequest([first, ...rest]: readonly string[]): TestRequest {
  if (first === "--quick") return { scope: "quick", passedOn: rest }
  if (first === "--changed") {
    const [base] = rest
    return base === undefined || base.startsWith("-")
      ? { scope: "changed", base: undefined, passedOn: rest }
      : { scope: "changed", base, passedOn: rest.slice(1) }
  }
  if (first === undefined) return { scope: "all", passedOn: [] }
  return { scope: "chosen", passedOn: [first, ...rest] }
}
