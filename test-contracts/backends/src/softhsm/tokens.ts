import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { compileCache, type Pkcs11Tokens } from "../pkcs11/tokens.ts"
import { runCommand } from "../run-command.ts"
import { installSoftHsm } from "./install.ts"

/**
 * Prepares a folder for tokens, which keep their keys in files.
 * @throws {BackendUnavailable} SoftHSM is not available on this machine
 */
export async function startSoftHsm(): Promise<Pkcs11Tokens> {
  const { module, tool } = await installSoftHsm()
  const folder = await mkdtemp(join(tmpdir(), "softhsm-"))
  const configuration = join(folder, "softhsm2.conf")
  await mkdir(join(folder, "tokens"), { mode: 0o700 })
  await writeFile(
    configuration,
    `directories.tokendir = ${join(folder, "tokens")}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  )
  const environment = { SOFTHSM2_CONF: configuration, ...compileCache() }
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
