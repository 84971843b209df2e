import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { describe, it } from "vitest"
import { startContractRun } from "./contract-run.ts"

const { options } = await startContractRun("over the wire")

describe("local-keystore as a process", () => keystoreContract({ describe, it: it.concurrent }, options))
