import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as z from "zod"
import { installGoHost } from "./install.ts"

/** A plugin entry of upstream's configuration. */
export interface GoHostPlugin {
  readonly name: string
  readonly type: string
  readonly path: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly checksum?: string
  readonly logLevel?: string
  readonly yamlConfiguration?: string
}

const detail = z.looseObject({ reason: z.string().optional(), metadata: z.record(z.string(), z.string()).optional() })
const answer = z.object({
  id: z.number().optional(),
  event: z.string().optional(),
  ok: z.boolean().default(false),
  ms: z.number().default(0),
  code: z.string().optional(),
  message: z.string().optional(),
  response: z.record(z.string(), z.unknown()).optional(),
  details: z.array(detail).default([]),
  plugins: z.array(z.record(z.string(), z.unknown())).default([]),
})

/** One message of the host: the answer to a request, or a notification. */
export type GoHostAnswer = z.output<typeof answer>

/** A host built from upstream's own code, with plugins as processes. */
export interface GoHost {
  /** Outcome of the load: `loaded`, or `load_failed` with its message. */
  readonly loaded: GoHostAnswer
  readonly processId: number
  /** Calls a method of a plugin's service, or `$health`, `$info`, `$bench`. */
  call(
    method: string,
    request?: Readonly<Record<string, unknown>>,
    more?: Readonly<Record<string, unknown>>,
  ): Promise<GoHostAnswer>
  /** Unloads every plugin and exits. @returns how each process ended */
  close(): Promise<GoHostAnswer>
  /** Ends the host without warning (SIGKILL). */
  kill(): Promise<void>
  /** Lines that host and plugins have logged so far. */
  log(): readonly string[]
}

const hangMs = 60_000

/** Starts the host; resolves when the plugins are loaded or have failed to load. */
export async function startGoHost(plugins: readonly GoHostPlugin[]): Promise<GoHost> {
  const folder = await mkdtemp(join(tmpdir(), "go-host-"))
  const file = join(folder, "plugins.json")
  await writeFile(file, JSON.stringify({ plugins }))
  const child = spawn(await installGoHost(), ["-config", file], { stdio: ["pipe", "pipe", "pipe"] })
  const host = new GoHostProcess(child, () => rm(folder, { recursive: true, force: true }))
  return host.whenLoaded()
}

/** The host's process; exchanges one JSON message a line with it. */
class GoHostProcess {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #ended: Promise<void>
  readonly #logLines: string[] = []
  readonly #waiting = new Map<number | string, (given: GoHostAnswer) => void>()
  #lastId = 0

  constructor(child: ChildProcessWithoutNullStreams, cleanUp: () => Promise<void>) {
    this.#child = child
    this.#ended = once(child, "exit").then(cleanUp)
    createInterface({ input: child.stderr }).on("line", (line) => this.#logLines.push(line))
    createInterface({ input: child.stdout }).on("line", (line) => this.#receive(answer.parse(JSON.parse(line))))
  }

  async whenLoaded(): Promise<GoHost> {
    const loaded = await this.#expect("loaded")
    return {
      loaded,
      processId: processIdOf(this.#child),
      call: (method, request = {}, more = {}) => this.#call({ method, request, ...more }),
      close: () => this.#close(),
      kill: () => this.#kill(),
      log: () => this.#logLines,
    }
  }

  async #call(message: Readonly<Record<string, unknown>>): Promise<GoHostAnswer> {
    this.#lastId += 1
    const answered = this.#expect(this.#lastId)
    this.#send({ id: this.#lastId, ...message })
    return answered
  }

  async #close(): Promise<GoHostAnswer> {
    const closed = this.#expect("closed")
    this.#send({ method: "$exit" })
    const how = await closed
    await this.#ended
    return how
  }

  async #kill(): Promise<void> {
    this.#child.kill("SIGKILL")
    await this.#ended
  }

  #expect(name: number | string): Promise<GoHostAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<GoHostAnswer>()
    const timer = setTimeout(() => reject(new Error(`the Go host did not answer ${name}`)), hangMs)
    this.#waiting.set(name, (given) => {
      clearTimeout(timer)
      resolve(given)
    })
    return promise
  }

  #receive(given: GoHostAnswer): void {
    const name = given.id ?? (given.event === "load_failed" ? "loaded" : given.event)
    if (name !== undefined) this.#waiting.get(name)?.(given)
  }

  #send(message: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`)
  }
}

function processIdOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("the Go host did not start")
  return pid
}
