import type { ProjectFiles } from "./project-files.ts"
import { Reach } from "./reach.ts"

/** Modules that use an in-process alternative when no server may be started. */
const worksWithoutServers: ReadonlySet<string> = new Set([
  "packages/persistence/test/support/engines.ts", // SQLite alone
])

const importsProcesses = /^(import|\}).* from "node:child_process"/m

/** Our functions that start a plugin's process, or the plugins of every package. */
const startsPlugin = /\b(connectPlugin|contractRuns)\b/

/** Take a minute, and can fail only by a change of the kit or the interface: `npm run test:changed` runs them then. */
const isLong = /mutants\.test\.ts$/

/**
 * Lists the tests of `npm run test:quick`: those that start neither a server nor another process.
 *
 * A test file is quick unless its name ends in `-over-wire.test.ts` or `mutants.test.ts`, or unless the file itself, or a module of the tests or
 * the test backends that it imports, imports `node:child_process`, `connectPlugin` or `contractRuns`. The product's own
 * modules do not count: many can start a process, but only a test that names an executable makes them do so.
 */
export function quickTests(project: ProjectFiles): readonly string[] {
  const reach = new Reach(project)
  return project.tests().filter((test) => reasonNotQuick(project, reach, test) === undefined)
}

function reasonNotQuick(project: ProjectFiles, reach: Reach, test: string): string | undefined {
  if (test.endsWith("-over-wire.test.ts") || isLong.test(test)) return test
  const enters = (file: string) => isTestCode(file) && !worksWithoutServers.has(file)
  return [...reach.imports(test, enters)]
    .filter(enters)
    .find((file) => importsProcesses.test(project.text(file)) || startsPlugin.test(project.text(file)))
}

function isTestCode(file: string): boolean {
  return file.startsWith("test-contracts/backends/") || /\/(test|bench)\//.test(file)
}
