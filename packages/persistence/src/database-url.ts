import { fileURLToPath } from "node:url"
import { persistenceError } from "./errors.ts"

/**
 * Reads a database URL: `sqlite://` and an absolute path, percent-encoded as in a file URL.
 *
 * @returns the path of the database file
 * @throws {PersistenceError} DATABASE_URL_INVALID - the message never repeats the URL, which may hold a password
 */
export function sqlitePath(url: string): string {
  if (!url.startsWith("sqlite:///")) {
    throw persistenceError("DATABASE_URL_INVALID", "persistence.url does not start with sqlite:/// and a path.")
  }
  const fileUrl = URL.parse(`file://${url.slice("sqlite://".length)}`)
  if (fileUrl === null || fileUrl.search !== "" || fileUrl.hash !== "" || fileUrl.pathname.endsWith("/")) {
    throw persistenceError("DATABASE_URL_INVALID", "persistence.url does not name a file by an absolute path alone.")
  }
  try {
    return fileURLToPath(fileUrl)
  } catch {
    // Node's message repeats the path; what is wrong is an encoded slash or a malformed escape.
    throw persistenceError("DATABASE_URL_INVALID", "persistence.url holds an escape that no file name can have.")
  }
}
