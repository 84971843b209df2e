import { proveContractRun } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

await proveContractRun(
  { afterAll, describe, it },
  { title: "local-keystore in process", start: () => startContractRun("in process") },
)
