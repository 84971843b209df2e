import { readdirSync } from "node:fs"
import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import { CountingReporter } from "./scripts/test-report/counting-reporter.ts"
import { LostCasesReporter } from "./scripts/test-report/lost-cases-reporter.ts"
import { SlowestFilesReporter } from "./scripts/test-report/slowest-files-reporter.ts"

const below = (folder: string) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? `${folder}/${entry.name}` : [],
  )
const roots = [...below("packages"), ...below("apps"), "test-contracts", "test-contracts/backends", "scripts"]

export default defineConfig({
  test: {
    projects: roots.map((root) => ({
      test: {
        root,
        name: root.split("/").at(-1) ?? root,
        include: ["test/**/*.test.ts"],
        // The mutants of the kit share one process, and their cases have limits of seconds: too many at once exceed them.
        ...(root === "test-contracts" ? { maxConcurrency: 4 } : {}),
        testTimeout: 30_000,
        hookTimeout: 120_000,
      },
    })),
    maxConcurrency: 12,
    // Most files wait for servers and programs that they start: one worker more than there are cores uses that time. By
    // itself vitest keeps one core for its main thread, half of a small machine.
    maxWorkers: availableParallelism() + 1,
    // The counts come last: other programs read the last line.
    reporters: ["default", new SlowestFilesReporter(), new LostCasesReporter(), new CountingReporter()],
  },
})
