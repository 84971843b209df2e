import assert from "node:assert/strict"
import { inspect } from "node:util"
import type { TestRunner } from "../runner.ts"
import { expectedOutcomes, faults } from "./expected-outcomes.ts"
import { type FaultCell, type FaultMatrixOptions, faultOperations, runFaultCell } from "./fault-cell.ts"

/** Far above any scheduler's delay, and far below a fault that is not heard. */
const overrunLimitMs = 2_000

/**
 * Registers one test for each fault of the proxy and each operation: no call outlives its deadline, each rejects with the
 * right code and origin, the next call after the fault succeeds without a restart, and no socket is left over.
 */
export function keystoreFaultMatrix(runner: TestRunner, options: FaultMatrixOptions): void {
  runner.describe(`faults between ${options.name} and its keystore`, () => {
    for (const fault of options.faults ?? faults) {
      const { code } = expectedOutcomes[fault]
      for (const operation of faultOperations) {
        runner.it(`${fault}: ${operation} ends with ${code} in time, and the next call succeeds`, async () =>
          assertCell(await runFaultCell(options, fault, operation)),
        )
      }
    }
  })
}

function assertCell(cell: FaultCell): void {
  const expected = expectedOutcomes[cell.fault]
  for (const outcome of cell.outcomes) {
    assert.ok("code" in outcome, `must fail with ${expected.code}, and answered ${inspect(outcome)}`)
    assert.equal(outcome.code, expected.code, inspect(outcome))
    if (!("origin" in outcome)) continue // a step of a connection test has a code alone
    if (expected.origin !== undefined) assert.equal(outcome.origin, expected.origin, inspect(outcome))
    assert.equal(outcome.retryAfterMs, expected.retryAfterMs)
  }
  assert.ok(cell.overrunMs < overrunLimitMs, `the calls ended ${Math.round(cell.overrunMs)} ms after their deadline`)
  assert.equal(cell.stillBroken, undefined, "the first call after the fault failed")
  assert.equal(cell.leakedSockets, 0, "connections were left open")
}
