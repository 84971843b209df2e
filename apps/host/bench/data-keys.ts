/**
 * Data keys over HTTP: our host against bare node:http with the same envelope and against OpenBao's transit engine, then
 * in process against the bare primitives. A compiled client checks each answer; the servers take turns.
 *
 * Needs Linux and Go. Takes about four minutes; for figures worth quoting, run nothing else on the machine.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { buildLoadClient, targetTable, writeReport } from "@apeiro-cmk/bench"
import { inProcessRows } from "./data-keys/in-process.ts"
import { measure } from "./data-keys/measure.ts"
import type { MeasuredServer } from "./data-keys/measured-server.ts"
import { batchRows, measurementTable, singleRows } from "./data-keys/rows.ts"
import { startBareServer, startHostOnPostgres, startHostServer, startTransitServer } from "./data-keys/servers.ts"

const usage = `npm run bench -- data-keys [--rounds N] [--seconds S] [--json FILE]

  --rounds N   interleaved rounds; each figure is their median (default 5)
  --seconds S  length of each load (default 1.5)
  --json FILE  writes the figures as JSON`

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1.5" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

if (values.help) process.stdout.write(`${usage}\n`)
else await benchmark()

async function benchmark(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "data-keys-"))
  const running: MeasuredServer[] = []
  const started = async (server: Promise<MeasuredServer>): Promise<MeasuredServer> => {
    running.push(await server)
    return server
  }
  try {
    const contestants = {
      bare: await started(startBareServer(folder)),
      host: await started(startHostServer({ name: "host on SQLite", parent: tmpdir() })),
      hostInMemory: await started(startHostServer({ name: "host on SQLite in memory", parent: "/dev/shm" })),
      transit: await started(startTransitServer(folder)),
    }
    await started(startHostOnPostgres(tmpdir()))
    const options = {
      loadClient: await buildLoadClient(),
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      progress: (line: string) => process.stderr.write(`${line}\n`),
    }
    const single = await measure(running, (server) => server.single, { ...options, concurrencies: [1, 16, 64] })
    const batch = await measure(running, (server) => server.batch, { ...options, concurrencies: [1, 16] })
    await stopAll(running)
    const rows = [...singleRows(single, contestants), ...batchRows(batch, contestants), ...(await inProcessRows())]
    const tables = [
      `one data key, each figure the median of ${options.rounds} rounds of ${options.seconds} s; ratio to bare node:http`,
      measurementTable(single, contestants.bare),
      "",
      "16 keys in a request; ratio to OpenBao's",
      measurementTable(batch, contestants.transit),
      "",
      targetTable(rows),
    ]
    process.stdout.write(`${tables.join("\n")}\n`)
    if (values.json !== undefined) await writeReport(values.json, { benchmark: "data-keys", rows })
    process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0
  } finally {
    await stopAll(running)
    await rm(folder, { recursive: true, force: true })
  }
}

async function stopAll(servers: MeasuredServer[]): Promise<void> {
  for (const server of servers.splice(0)) await server.stop()
}
