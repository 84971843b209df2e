import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runCommand } from "../run-command.ts"
import { installSoftHsm } from "./install.ts"

/** Tokens of SoftHSM in a folder of their own. */
export interface SoftHsm {
  /** The PKCS#11 module. */
  readonly module: string
  /** What a process needs to find these tokens. */
  readonly environment: Readonly<Record<string, string>>
  /** Makes a token. @throws {Error} with the tool's words */
  createToken(label: string, pin: string): Promise<void>
  stop(): Promise<void>
}

/**
 * Makes room for tokens; they keep their keys in files.
 * @throws {BackendUnavailable} SoftHSM cannot be had here
 */
export async function startSoftHsm(): Promise<SoftHsm> {
  const { module, tool } = await installSoftHsm()
  const folder = await mkdtemp(join(tmpdir(), "softhsm-"))
  const configuration = join(folder, "softhsm2.conf")
  await mkdir(join(folder, "tokens"), { mode: 0o700 })
  await writeFile(
    configuration,
    `directories.tokendir = ${join(folder, "tokens")}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  )
  const environment = { SOFTHSM2_CONF: configuration }
  return {
    module,
    environment,
    async createToken(label, pin) {
      const given = ["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", pin, "--module", module]
      const outcome = await runCommand(tool, given, environment)
      if (outcome?.exitCode !== 0) throw new Error(`softhsm2-util cannot make a token: ${outcome?.output}`)
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  }
}
