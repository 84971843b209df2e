import { proveContractRun } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

await proveContractRun(
  { afterAll, describe, it: it.concurrent },
  { title: "local-keystore as a process", start: () => startContractRun("over the wire") },
)
