import { access, mkdir } from "node:fs/promises"
import { basename, join } from "node:path"
import { setupMaterialAnswer } from "@apeiro-cmk/http-api/schemas"
import type { Command } from "commander"
import type * as z from "zod"
import { CliError } from "../cli-error.ts"
import { contextOf, tenantPath } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { readJsonText, unwritable, writeNewFile } from "../files.ts"
import { savedOrFile } from "../keystore-subject.ts"

type SetupDocument = z.output<typeof setupMaterialAnswer>["documents"][number]

interface SetupOptions {
  readonly file?: string
  readonly output?: string
}

/** `apeiro-cmk keystore setup-material` */
export function addSetupMaterialCommand(keystore: Command): void {
  keystore
    .command("setup-material <tenant> [keystore]")
    .description("print policies and commands with which the keystore's administrator prepares it")
    .option("--file <file>", "for a document as for `keystore add` that is not saved yet")
    .option("--output <folder>", "write each document into this folder instead of printing it; nothing is overwritten")
    .action(async (tenantId: string, name: string | undefined, options: SetupOptions, command: Command) => {
      const { host, output } = contextOf(command)
      const subject = savedOrFile(name, options.file)
      const request =
        "name" in subject
          ? ({ method: "GET", path: tenantPath(tenantId, "keystores", subject.name, "setup-material") } as const)
          : ({
              method: "POST",
              path: tenantPath(tenantId, "keystores", "setup-material"),
              bodyText: await readJsonText(subject.file),
            } as const)
      const answer = await host.request(request, setupMaterialAnswer)
      const { output: folder } = options
      if (folder === undefined) {
        output.result(answer, answer.documents.map((d) => `# ${d.title} (${d.file_name})\n\n${d.text}`).join("\n\n"))
        return
      }
      const files = await writeAll(folder, answer.documents)
      output.result({ files }, [...files.map((file) => `Written: ${file}`), ...whatToRun(folder, answer)].join("\n"))
    })
}

/** Writes all documents, or none when one of them exists already. */
async function writeAll(folder: string, documents: readonly SetupDocument[]): Promise<readonly string[]> {
  const files = documents.map(({ file_name: name }) => join(folder, checkedName(name)))
  for (const file of files) if (await exists(file)) throw unwritable(file, { code: "EEXIST" })
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw unwritable(folder, cause)
  }
  for (const [index, document] of documents.entries()) {
    await writeNewFile(files[index] ?? folder, document.text, isScript(document) ? 0o700 : 0o600)
  }
  return files
}

/** Checks a name that comes from a plugin: it must not lead out of the folder. */
function checkedName(name: string): string {
  if (basename(name) === name && name !== "." && name !== "..") return name
  const message = `The set-up material has a document "${name}", which is not a valid file name.`
  throw new CliError(exitCodes.failure, message, "Report it to the maintainers of the plugin.")
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch {
    return false
  }
}

function isScript({ text }: SetupDocument): boolean {
  return text.startsWith("#!")
}

function whatToRun(folder: string, { documents }: z.output<typeof setupMaterialAnswer>): readonly string[] {
  const scripts = documents.filter(isScript).map(({ file_name: name }) => `  (cd ${folder} && ./${name})`)
  return scripts.length === 0 ? [] : ["Read them. Then run, as the administrator of the keystore:", ...scripts]
}
