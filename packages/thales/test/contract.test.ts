import { proveContractRun } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun, tokenBackends } from "./contract-run.ts"

for (const backend of tokenBackends) {
  await proveContractRun(
    { afterAll, describe, it },
    {
      title: `thales on ${backend.name}`,
      isAvailable: backend.isAvailable,
      start: () => startContractRun("in process", backend),
    },
  )
}
