import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rename } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { backendFolder } from "@apeiro-cmk/test-backends"
import * as z from "zod"

const run = promisify(execFile)
const source = fileURLToPath(new URL("../load-client", import.meta.url))

/** Requirements on each answer of the server; see load-client/checks.go. */
export type LoadCheck = "data-key" | "data-key-batch" | "transit-data-key" | "transit-batch"

/** One load: a request that is sent over and over. */
export interface Load {
  /** `http://host:port/path`. */
  readonly url: string
  /** File with one header line. */
  readonly headerFile: string
  /** File with the JSON body. */
  readonly bodyFile: string
  readonly check: LoadCheck
  readonly connections: number
  readonly seconds: number
}

const resultSchema = z.object({
  requests: z.int(),
  failures: z.int(),
  firstFailure: z.string().optional(),
  seconds: z.number(),
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
  clientCpuSeconds: z.number(),
})

/** Measurements of one load. */
export type LoadResult = z.infer<typeof resultSchema>

/**
 * Builds the load client if it is missing; it is kept in the user's cache, keyed by its source.
 * @returns path of the program
 * @throws {Error} Go is missing
 */
export async function buildLoadClient(): Promise<string> {
  const hash = createHash("sha256")
  for (const file of (await readdir(source)).sort()) hash.update(file).update(await readFile(join(source, file)))
  const folder = backendFolder(`load-client-${hash.digest("hex").slice(0, 12)}`)
  const program = join(folder, "load-client")
  if (existsSync(program)) return program
  await mkdir(folder, { recursive: true })
  const fresh = `${program}.${process.pid}`
  try {
    await run("go", ["build", "-trimpath", "-o", fresh, "."], {
      cwd: source,
      env: { ...process.env, CGO_ENABLED: "0" },
    })
  } catch (error) {
    throw new Error("The load client cannot be built: install Go 1.23 or newer.", { cause: error })
  }
  await rename(fresh, program)
  return program
}

/**
 * Runs a load to its end.
 * @throws {Error} an answer was not what it must be
 */
export async function runLoad(program: string, load: Load): Promise<LoadResult> {
  const { stdout } = await run(program, [
    `-url=${load.url}`,
    `-header-file=${load.headerFile}`,
    `-body-file=${load.bodyFile}`,
    `-check=${load.check}`,
    `-connections=${load.connections}`,
    `-seconds=${load.seconds}`,
  ])
  const result = resultSchema.parse(JSON.parse(stdout))
  if (result.failures === 0) return result
  throw new Error(`${result.failures} of ${load.connections} connections failed: ${result.firstFailure ?? "unknown"}`)
}
