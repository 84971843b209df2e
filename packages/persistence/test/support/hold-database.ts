/** Opens a database and holds it until its standard input ends. Argument: the URL. Prints one line. */
import { once } from "node:events"
import { openDatabase } from "../../src/index.ts"

const database = await openDatabase({ url: process.argv[2] ?? "", busyTimeoutMs: 50 })
process.stdout.write("open\n")
process.stdin.resume()
await once(process.stdin, "end")
await database.close()
