import { Command, Option } from "commander"
import { addAuditCommands } from "./commands/audit.ts"
import { addByokCommands } from "./commands/byok.ts"
import { addDataKeyCommands } from "./commands/data-key.ts"
import { addKeystoreCommands } from "./commands/keystore.ts"
import { addPlatformCommands } from "./commands/platform.ts"
import { addProfileCommands } from "./commands/profile.ts"
import { addRecoverCommand } from "./commands/recover.ts"
import { addServeCommand } from "./commands/serve.ts"
import { addServiceKeyCommands } from "./commands/service-key.ts"
import { addTenantCommands } from "./commands/tenant.ts"
import { addTokenCommands } from "./commands/token.ts"

const exitCodeHelp = `
Exit codes: 0 success, 1 failure, 2 wrong arguments or document, 3 no host answers, 4 refused, 5 not found,
6 conflict, 7 keystore or network failed, 8 not proved (altered log, wrap or envelope)`

/**
 * Makes the whole command line. It throws instead of ending the process.
 *
 * @param end - receives the exit code of a command that ends with another one than 0 and has reported why
 */
export function createProgram(end: (exitCode: number) => void): Command {
  const program = new Command("apeiro-cmk")
    .description("Key custody for the Apeiro Platform Mesh: keys derived from master keys that stay in their keystores")
    .addOption(new Option("--url <url>", "API of the host").env("APEIRO_CMK_URL").default("http://127.0.0.1:8470"))
    .addOption(
      new Option(
        "--header-file <file>",
        'file with one line "Authorization: Bearer ...", which authenticates the caller',
      )
        .env("APEIRO_CMK_HEADER_FILE")
        .default("data/administrator.header"),
    )
    .option("--json", "print results as JSON, for machines")
    .addHelpText("after", exitCodeHelp)
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("(--help lists commands and options)")
    .exitOverride()
  addServeCommand(program, end)
  addProfileCommands(program)
  addTenantCommands(program)
  addTokenCommands(program)
  addKeystoreCommands(program)
  addByokCommands(program)
  addPlatformCommands(program)
  addServiceKeyCommands(program)
  addDataKeyCommands(program)
  addAuditCommands(program)
  addRecoverCommand(program)
  return program
}
