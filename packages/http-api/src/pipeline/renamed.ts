import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { HostError, type HostErrorCode } from "../errors.ts"

/**
 * Waits for work, and gives an error of a package below the name that callers of the API know.
 *
 * @param names - code of the package -> code of the API, with what to say
 */
export async function renamed<T>(
  names: Readonly<Record<string, { readonly code: HostErrorCode; readonly message: string }>>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const name = isCodedError(error) ? names[error.code] : undefined
    if (!isCodedError(error) || name === undefined) throw error
    throw new HostError(name.code, name.message, {
      origin: error.origin,
      retryable: error.retryable,
      nextStep: error.nextStep,
      cause: error,
    })
  }
}
