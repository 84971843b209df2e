/**
 * Opens and closes a database, and prints the error as JSON, or `{}`. Arguments: the URL, and `unprivileged` to drop
 * root privileges first if it has them.
 */
import { isPersistenceError, openDatabase } from "../../src/index.ts"

if (process.argv[3] === "unprivileged" && process.getuid?.() === 0) {
  process.setgroups?.([])
  process.setgid?.(65534)
  process.setuid?.(65534)
}
try {
  const database = await openDatabase({ url: process.argv[2] ?? "", busyTimeoutMs: 50 })
  await database.close()
  process.stdout.write("{}\n")
} catch (error) {
  if (!isPersistenceError(error)) throw error
  const { code, origin, retryable, nextStep, message } = error
  process.stdout.write(`${JSON.stringify({ code, origin, retryable, nextStep, message })}\n`)
}
