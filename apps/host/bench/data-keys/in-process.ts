import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { ReportRow } from "@apeiro-cmk/bench"

const program = fileURLToPath(
  new URL("../../../../packages/key-hierarchy/bench/data-keys-in-process.ts", import.meta.url),
)

/** Runs the benchmark of the key hierarchy alone, in a separate process. @returns its figures */
export async function inProcessRows(): Promise<readonly ReportRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "data-keys-in-process-"))
  try {
    const file = join(folder, "report.json")
    // Its own table is not shown: its figures are in ours.
    const child = spawn(process.execPath, [program, "--json", file], { stdio: ["ignore", "ignore", "inherit"] })
    await once(child, "exit")
    const report = JSON.parse(await readFile(file, "utf8")) as { rows: readonly ReportRow[] }
    return report.rows
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
