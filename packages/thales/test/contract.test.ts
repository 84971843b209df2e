import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

const run = await startContractRun()

describe("thales on SoftHSM", () => {
  afterAll(() => run.stop())
  keystoreContract({ describe, it }, run.options)
})
