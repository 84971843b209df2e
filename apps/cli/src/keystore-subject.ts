import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"

/** What a command works on: a saved keystore by its name, or a document that is not saved. */
export type KeystoreSubject = { readonly name: string } | { readonly file: string }

/** Reads which of both the user named. @throws {CliError} usage - neither or both */
export function savedOrFile(name: string | undefined, file: string | undefined): KeystoreSubject {
  if (name !== undefined && file === undefined) return { name }
  if (name === undefined && file !== undefined) return { file }
  const message = "Name either a keystore or a --file."
  throw new CliError(exitCodes.usage, message, "Use --file FILE for a document that is not saved yet.")
}
