import { runPython } from "../python-package.ts"
import { installMoto } from "./install.ts"

/**
 * Runs a Python program that uses botocore, without any setting of the machine's own for AWS.
 * @returns its standard output
 * @throws {Error} it ended with a code other than 0; the message has its output
 */
export async function runBotocore(file: string, ...programArguments: readonly string[]): Promise<string> {
  return runPython(file, programArguments, {
    PYTHONPATH: await installMoto(),
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
    PYTHONWARNINGS: "ignore",
  })
}
