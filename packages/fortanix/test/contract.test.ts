import { proveContractRun } from "@apeiro-cmk/test-contracts"
import { afterAll, describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

await proveContractRun(
  { afterAll, describe, it },
  { title: "fortanix on our Fortanix emulator", start: () => startContractRun("in process") },
)
