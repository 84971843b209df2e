import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

const run = (await openBaoAvailable()) ? await startContractRun("over the wire") : undefined

describe.skipIf(run === undefined)("openbao as a process, on a real server", () => {
  afterAll(async () => run?.stop())
  if (run !== undefined) keystoreContract({ describe, it }, run.options)
  else it("keeps the keystore contract", () => undefined)
})
