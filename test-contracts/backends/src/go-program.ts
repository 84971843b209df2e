import { type BuiltFile, installBuiltFile } from "./built-file.ts"
import { runCommand } from "./run-command.ts"
import { BackendUnavailable } from "./unavailable.ts"

/** A program that the tests build from a Go module of this project. */
export interface GoProgram extends Omit<BuiltFile, "build"> {
  /** Package within the module. Default `.`. */
  readonly packagePath?: string
  /** More of `-ldflags`. */
  readonly linkerFlags?: string
}

/**
 * Builds a program into the user's cache unless it is already there. go.sum pins every module.
 *
 * @returns path of the binary
 * @throws {BackendUnavailable} it cannot be built on this machine
 */
export async function installGoProgram(program: GoProgram): Promise<string> {
  return installBuiltFile({ ...program, build: (target) => build(program, target) })
}

async function build({ folder, packagePath = ".", linkerFlags = "" }: GoProgram, target: string): Promise<void> {
  const goArguments = ["-C", folder, "build", "-p", "2", "-mod=readonly", "-trimpath", "-buildvcs=false"]
  const flags = ["-ldflags", `-s -w ${linkerFlags}`.trim(), "-o", target, packagePath]
  // At low priority: the first tests run at the same time.
  const outcome = await runCommand("nice", ["-n", "15", "go", ...goArguments, ...flags])
  if (outcome === undefined) throw new BackendUnavailable("there is no command nice")
  if (outcome.exitCode === 127) throw new BackendUnavailable("Go is not installed (https://go.dev/dl)")
  if (outcome.exitCode !== 0) throw new BackendUnavailable(`go build failed: ${outcome.output.slice(-2_000)}`)
}
