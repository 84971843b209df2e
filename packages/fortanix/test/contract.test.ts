import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

const run = await startContractRun()

describe("fortanix on our Fortanix emulator", () => {
  afterAll(() => run.stop())
  keystoreContract({ describe, it }, run.options)
})
