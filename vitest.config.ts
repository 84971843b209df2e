import { readdirSync } from "node:fs"
import { defineConfig } from "vitest/config"
import { CountingReporter } from "./scripts/test-report/counting-reporter.ts"
import { LostCasesReporter } from "./scripts/test-report/lost-cases-reporter.ts"
import { SlowestFilesReporter } from "./scripts/test-report/slowest-files-reporter.ts"

const below = (folder: string) => readdirSync(folder).map((name) => `${folder}/${name}`)
const roots = [...below("packages"), ...below("apps"), "test-contracts", "test-contracts/backends", "scripts"]

export default defineConfig({
  test: {
    projects: roots.map((root) => ({
      test: {
        root,
        name: root.split("/").at(-1) ?? root,
        include: ["test/**/*.test.ts"],
        // The kit's mutants share one process, and have seconds for what takes milliseconds: too many at once need them.
        ...(root === "test-contracts" ? { maxConcurrency: 4 } : {}),
        testTimeout: 30_000,
        hookTimeout: 120_000,
      },
    })),
    maxConcurrency: 12,
    // Most files wait for servers; by itself vitest keeps one core for its main thread, half of a small machine.
    maxWorkers: "100%",
    // The counts come last: other programs read the last line.
    reporters: ["default", new SlowestFilesReporter(), new LostCasesReporter(), new CountingReporter()],
  },
})
