import type { Command } from "commander"
import { runHost } from "../host-executable.ts"

/** `apeiro-cmk serve`. Its options belong to the host's executable, which gets them as they stand. */
export function addServeCommand(program: Command, end: (exitCode: number) => void): void {
  program
    .command("serve")
    .description("run the host until Ctrl-C, where it is installed; `serve --help` lists its options")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (_options: unknown, command: Command) => {
      const { json } = command.optsWithGlobals<{ json?: boolean }>()
      end(await runHost(json === true ? [...command.args, "--json"] : command.args))
    })
}
