import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { HttpApiError, type HttpApiErrorCode } from "../errors.ts"

/**
 * Does some work, and throws an error of a package under the code that callers of the API know.
 *
 * @param names - code of the package -> code and message of the API
 */
export async function renamed<T>(
  names: Readonly<Record<string, { readonly code: HttpApiErrorCode; readonly message: string }>>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const name = isCodedError(error) ? names[error.code] : undefined
    if (!isCodedError(error) || name === undefined) throw error
    throw new HttpApiError(name.code, name.message, {
      origin: error.origin,
      retryable: error.retryable,
      nextStep: error.nextStep,
      cause: error,
    })
  }
}
