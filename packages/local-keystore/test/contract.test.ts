import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

keystoreContract({ describe, it }, (await startContractRun("in process")).options)
