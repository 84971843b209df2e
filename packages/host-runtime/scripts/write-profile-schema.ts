import { writeFileSync } from "node:fs"
import { profileJsonSchema } from "../src/index.ts"

/** Writes profiles/profile.schema.json, which editors use to check a profile while it is typed. */
const target = new URL("../../../profiles/profile.schema.json", import.meta.url)
writeFileSync(target, `${JSON.stringify(profileJsonSchema(), null, 2)}\n`)
