// A process that can be killed: makes a folder for client files, and waits.
import { writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { makeOwnedFolder } from "../src/session/owned-folder.ts"

const { path } = await makeOwnedFolder()
await writeFile(join(path, "client-key.pem"), "a key")
process.stdout.write(basename(path))
process.stdin.resume()
