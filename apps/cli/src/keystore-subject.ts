import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"

/** The keystore that a command works on: a saved one by its name, or a document that is not saved. */
export type KeystoreSubject = { readonly name: string } | { readonly file: string }

/** Reads which of the two the user named. @throws {CliError} usage - neither or both */
export function savedOrFile(name: string | undefined, file: string | undefined): KeystoreSubject {
  if (name !== undefined && file === undefined) return { name }
  if (name === undefined && file !== undefined) return { file }
  const message = "Name either a keystore or a --file."
  throw new CliError(exitCodes.usage, message, "Use --file FILE for a document that is not saved yet.")
}
