import { readdirSync } from "node:fs"
import { defineConfig } from "vitest/config"
import { CountingReporter } from "./scripts/counting-reporter.ts"

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
        // The kit's mutants share one process, and have seconds for what takes milliseconds: too many at once need them.
        ...(root === "test-contracts" ? { maxConcurrency: 4 } : {}),
        testTimeout: 30_000,
        hookTimeout: 120_000,
      },
    })),
    maxConcurrency: 12,
    // Most files wait for servers; by itself vitest keeps one core for its main thread, half of a small machine.
    maxWorkers: "100%",
    reporters: ["default", new CountingReporter()],
  },
})
