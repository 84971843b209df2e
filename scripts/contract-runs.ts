import { globSync } from "node:fs"
import { basename, dirname, resolve } from "node:path"
import { BackendUnavailable } from "../test-contracts/backends/src/index.ts"
import type { Boundary, ContractRun } from "../test-contracts/src/index.ts"

/** A plugin package with a contract run, and the function that starts it. */
export interface StartableRun {
  readonly plugin: string
  /** @returns `undefined` where the keystore is not available on this machine; the reason is printed */
  start(): Promise<ContractRun | undefined>
}

/** Every package with `test/contract-run.ts`, by name. */
export function contractRuns(project: string): readonly StartableRun[] {
  const files = globSync("packages/*/test/contract-run.ts", { cwd: project }).toSorted()
  return files.map((file) => ({
    plugin: basename(dirname(dirname(file))),
    async start() {
      const module = (await import(resolve(project, file))) as {
        startContractRun(boundary: Boundary): Promise<ContractRun>
      }
      try {
        return await module.startContractRun("in process")
      } catch (error) {
        if (!(error instanceof BackendUnavailable) || process.env.CI === "true") throw error
        process.stderr.write(`SKIPPED: ${file}: ${error.message}\n`)
        return undefined
      }
    },
  }))
}
