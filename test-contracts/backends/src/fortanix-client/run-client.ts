import { runPython } from "../python-package.ts"
import { installFortanixClient } from "./install.ts"

/**
 * Runs a Python program that uses Fortanix's client; its environment has `DSM_URL` and `DSM_KEY` as given.
 * @returns its standard output
 * @throws {Error} it ended with a code other than 0; the message has its output
 */
export async function runFortanixClient(
  file: string,
  server: { readonly address: string; readonly apiKey: string },
  ...programArguments: readonly string[]
): Promise<string> {
  return runPython(file, programArguments, {
    PYTHONPATH: await installFortanixClient(),
    PYTHONWARNINGS: "ignore",
    DSM_URL: server.address,
    DSM_KEY: server.apiKey,
  })
}
