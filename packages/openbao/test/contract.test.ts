import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { proveContractRun } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

await proveContractRun(
  { afterAll, describe, it },
  { title: "openbao on a real server", isAvailable: openBaoAvailable, start: () => startContractRun("in process") },
)
