import { isPersistenceError, persistenceError } from "./errors.ts"

/**
 * Adds to the errors of an opening where the database is: the operator who starts the host must see it. Later errors do
 * not say it, because callers of the API read them.
 *
 * @param place - path of the file, or name and address of the database
 */
export async function namingThePlace<T>(place: string, opening: () => Promise<T>): Promise<T> {
  try {
    return await opening()
  } catch (error) {
    if (!isPersistenceError(error) || error.message.includes(place)) throw error
    throw persistenceError(error.code, `${error.message} (${place})`, error.cause, error.nextStep)
  }
}
