import { fileURLToPath } from "node:url"
import { persistenceError } from "./errors.ts"

/**
 * Reads a database URL: `sqlite://` followed by an absolute path, percent-encoded as in a file URL.
 *
 * @returns the path of the database file
 * @throws {PersistenceError} DATABASE_URL_INVALID - the message never repeats the URL, which may contain a password
 */
export function sqlitePath(url: string): string {
  if (!url.startsWith("sqlite:///")) {
    throw persistenceError("DATABASE_URL_INVALID", "persistence.url does not start with sqlite:/// followed by a path.")
  }
  const fileUrl = URL.parse(`file://${url.slice("sqlite://".length)}`)
  if (fileUrl === null || fileUrl.search !== "" || fileUrl.hash !== "" || fileUrl.pathname.endsWith("/")) {
    throw persistenceError(
      "DATABASE_URL_INVALID",
      "persistence.url must consist of the absolute path of a file and nothing else.",
    )
  }
  try {
    return fileURLToPath(fileUrl)
  } catch {
    // Node's message repeats the path; the cause is an encoded slash or a malformed escape.
    throw persistenceError(
      "DATABASE_URL_INVALID",
      "persistence.url contains an escape that is not valid in a file name.",
    )
  }
}
