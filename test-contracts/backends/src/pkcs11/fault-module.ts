import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { runCommand } from "../run-command.ts"
import { BackendUnavailable } from "../unavailable.ts"

/** A fault: what the module does at a call. */
export interface TokenFault {
  /** With `@SERIAL`: of one token only. */
  readonly function: `C_${string}`
  readonly action: "return" | "sleep" | "stall" | "crash" | "flags"
  /** Return value, milliseconds, or flags that C_GetTokenInfo reports in addition. */
  readonly number?: number
  /** Default 1; -1 for every call. */
  readonly times?: number
}

/** A PKCS#11 module in front of another one, which fails on demand. */
export interface FaultModule {
  /** The PKCS#11 module. */
  readonly module: string
  /** Environment variables that the module needs. */
  readonly environment: Readonly<Record<string, string>>
  /** Replaces the faults; without arguments, removes them. */
  control(...faults: readonly TokenFault[]): Promise<void>
  /** Names of the functions called since the last read, in order. */
  calls(): Promise<readonly string[]>
  remove(): Promise<void>
}

/**
 * Builds the module with the system's C compiler.
 * @param target - path of the module that does the work
 * @throws {BackendUnavailable} there is no compiler, or pkcs11js with its headers is missing
 */
export async function buildFaultModule(target: string): Promise<FaultModule> {
  const folder = await mkdtemp(join(tmpdir(), "fault-module-"))
  const module = join(folder, "fault-module.so")
  const control = join(folder, "control")
  const trace = join(folder, "trace")
  const source = fileURLToPath(new URL("fault-module.c", import.meta.url))
  const given = ["-shared", "-fPIC", "-O1", "-Wall", "-I", headers(), "-o", module, source, "-ldl", "-lpthread"]
  const outcome = await runCommand("cc", given)
  if (outcome?.exitCode !== 0) throw new BackendUnavailable(`cc cannot build the fault module: ${outcome?.output}`)
  await writeFile(control, "")
  await writeFile(trace, "")
  let seen = 0
  return {
    module,
    environment: { FAULT_MODULE_TARGET: target, FAULT_MODULE_CONTROL: control, FAULT_MODULE_TRACE: trace },
    async control(...faults) {
      const lines = faults.map(
        ({ function: name, action, number = 0, times = 1 }) => `${name} ${action} ${number} ${times}\n`,
      )
      // The stamp makes equal faults a new file, so that their counts restart.
      await writeFile(control, `# ${performance.now()}\n${lines.join("")}`)
    },
    async calls() {
      // Never truncated: a call between reading and truncating would be lost.
      const lines = (await readFile(trace, "utf8")).split("\n").slice(0, -1)
      const fresh = lines.slice(seen)
      seen = lines.length
      return fresh
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

function headers(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("pkcs11js")), "includes/pkcs11")
  } catch {
    throw new BackendUnavailable("pkcs11js, whose headers the fault module needs, was not built on this machine")
  }
}
