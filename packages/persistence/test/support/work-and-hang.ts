/** Takes jobs of the name `orphaned` and never finishes one. Argument: the URL. Prints the attempt of each run. */
import { openDatabase } from "../../src/index.ts"

const database = await openDatabase({ url: process.argv[2] ?? "", jobs: { pollMs: 500 } })
await database.jobs.work("orphaned", async (job) => {
  process.stdout.write(`attempt ${job.attempt}\n`)
  await new Promise(() => undefined)
})
setInterval(() => undefined, 60_000)
