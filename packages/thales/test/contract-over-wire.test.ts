import { softHsmAvailable } from "@apeiro-cmk/test-backends"
import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

const run = (await softHsmAvailable()) ? await startContractRun("over the wire") : undefined

describe.skipIf(run === undefined)("thales as a process, on SoftHSM", () => {
  afterAll(async () => run?.stop())
  if (run !== undefined) keystoreContract({ describe, it }, run.options)
  else it("keeps the keystore contract", () => undefined)
})
