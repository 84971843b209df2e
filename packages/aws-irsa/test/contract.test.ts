import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

const run = await startContractRun()

describe("aws-irsa on our AWS emulator", () => {
  afterAll(() => run.stop())
  keystoreContract({ describe, it }, run.options)
})
