import type { BoundGroup } from "./bound-case.ts"
import type { TestRunner } from "./runner.ts"

/** Registers groups of cases with a test runner. What could not be proven goes to standard error. */
export function registerGroups(
  runner: TestRunner,
  title: string,
  pluginName: string,
  groups: readonly BoundGroup[],
): void {
  runner.describe(title, () => {
    for (const group of groups) {
      runner.describe(group.name, () => {
        for (const { name, run } of group.cases) {
          runner.it(name, () =>
            run((lack) => {
              process.stderr.write(`NOT PROVEN: ${pluginName} ${name}: there is no ${lack}\n`)
            }),
          )
        }
      })
    }
  })
}
