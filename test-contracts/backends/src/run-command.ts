import { spawn } from "node:child_process"

/** The outcome of a finished command. */
export interface CommandOutcome {
  readonly exitCode: number
  /** Standard output and standard error, in the order of arrival. */
  readonly output: string
}

/**
 * Runs a command to its end.
 * @returns its outcome, including for an exit code other than 0; `undefined` where the command does not exist
 */
export async function runCommand(
  command: string,
  commandArguments: readonly string[],
  extraEnvironment: Readonly<Record<string, string>> = {},
  user?: { readonly uid: number; readonly gid: number },
): Promise<CommandOutcome | undefined> {
  const environment = { ...process.env, ...extraEnvironment }
  const child = spawn(command, commandArguments, {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
    ...user,
    ...(user === undefined ? {} : { cwd: "/" }), // that user may not see this folder
  })
  const chunks: Buffer[] = []
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve(undefined)
      else reject(error)
    })
    child.once("close", (code) => resolve({ exitCode: code ?? 1, output: Buffer.concat(chunks).toString("utf8") }))
  })
}
