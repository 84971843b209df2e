import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

const { options } = await startContractRun()

keystoreContract({ describe, it }, options)
