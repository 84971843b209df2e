import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun, tokenBackends } from "./contract-run.ts"

for (const backend of tokenBackends) {
  const run = (await backend.isAvailable()) ? await startContractRun("over the wire", backend) : undefined

  describe.skipIf(run === undefined)(`thales as a process, on ${backend.name}`, () => {
    afterAll(async () => run?.stop())
    if (run !== undefined) keystoreContract({ describe, it }, run.options)
    else it("keeps the keystore contract", () => undefined)
  })
}
