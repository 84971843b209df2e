import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { compileCache, type Pkcs11Tokens } from "../pkcs11/tokens.ts"
import { runCommand } from "../run-command.ts"
import { installKryoptic } from "./install.ts"

const firstSlot = 42

/**
 * Prepares a folder for tokens of kryoptic; each token is a slot with its own database.
 * @throws {BackendUnavailable} kryoptic is not available on this machine
 */
export async function startKryoptic(): Promise<Pkcs11Tokens> {
  const module = await installKryoptic()
  const folder = await mkdtemp(join(tmpdir(), "kryoptic-"))
  const configuration = join(folder, "kryoptic.conf")
  const environment = { KRYOPTIC_CONF: configuration, ...compileCache() }
  const slots: string[] = []
  return {
    module,
    environment,
    async createToken(label, pin) {
      const slot = firstSlot + slots.length
      slots.push(`[[slots]]\nslot = ${slot}\ndbtype = "sqlite"\ndbargs = "${join(folder, `${slot}.sql`)}"\n`)
      await writeFile(configuration, slots.join("\n"))
      const program = fileURLToPath(new URL("../pkcs11/initialize-token.ts", import.meta.url))
      const given = [program, module, String(slot), label, pin]
      const outcome = await runCommand(process.execPath, given, environment)
      if (outcome?.exitCode !== 0) throw new Error(`kryoptic cannot make a token: ${outcome?.output}`)
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  }
}
