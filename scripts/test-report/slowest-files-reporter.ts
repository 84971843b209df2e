import type { Reporter, TestModule } from "vitest/node"

const shown = 10

/** Prints the slowest test files of a run, with their total time including preparation. */
export class SlowestFilesReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const timed = modules.map((module) => ({ file: module.moduleId, seconds: secondsOf(module) }))
    const slowest = timed.toSorted((left, right) => right.seconds - left.seconds).slice(0, shown)
    if (slowest.length === 0) return
    const lines = slowest.map(({ file, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${nameOf(file)}`)
    process.stdout.write(`\nSlowest test files:\n${lines.join("\n")}\n`)
  }
}

function secondsOf(module: TestModule): number {
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } = module.diagnostic()
  return (environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration) / 1000
}

function nameOf(file: string): string {
  const root = `${process.cwd()}/`
  return file.startsWith(root) ? file.slice(root.length) : file
}
