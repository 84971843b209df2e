import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import type { Readable } from "node:stream"

const killAfterSeconds = 5

/**
 * Runs the server as a child and watches standard input. When that closes, on request or because the test process died in
 * any way, it asks the server to end, and kills it if it does not. First line of output: the server's process id.
 */
const guardScript = `
exec 3<&0
stop=$1
shift
"$@" 3<&- </dev/null &
server=$!
echo "$server"
( read -r line; kill "-$stop" "$server"; sleep ${killAfterSeconds}; kill -KILL "$server" ) <&3 >/dev/null 2>&1 &
watcher=$!
wait "$server"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`

/** A running server that cannot outlive the test process. */
export interface GuardedProcess {
  readonly processId: number
  /** Resolves when the server has ended, for whatever reason. */
  readonly ended: Promise<void>
  readonly hasEnded: boolean
  /** The last 64 KiB of what the server wrote. */
  output(): string
  /** Asks the server to end (by {@link GuardOptions.stopSignal}), kills it after 5 s, and waits. Idempotent. */
  stop(): Promise<void>
  /** Ends the server without warning (SIGKILL), and waits. */
  kill(): Promise<void>
}

/** Settings of a guarded process. */
export interface GuardOptions {
  /** User and group to run as; only root can choose. Default: this process's own. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** The signal that asks the server to end. Default TERM. */
  readonly stopSignal?: "TERM" | "INT"
}

/** Starts a server under a guard that stops it when this process ends. */
export async function startGuarded(
  command: string,
  commandArguments: readonly string[],
  { user, stopSignal = "TERM" }: GuardOptions = {},
): Promise<GuardedProcess> {
  // Its own process group: Ctrl-C reaches this process first, which then decides.
  const guard = spawn("/bin/sh", ["-c", guardScript, "guard", stopSignal, command, ...commandArguments], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    ...user,
    ...(user === undefined ? {} : { cwd: "/" }),
  })
  guard.unref()
  const exited = once(guard, "exit")
  const log = collect([guard.stdout, guard.stderr])
  const processId = Number(await firstLine(guard))
  return new GuardedServer(guard, processId, exited, log)
}

class GuardedServer implements GuardedProcess {
  readonly processId: number
  readonly ended: Promise<void>
  hasEnded = false
  readonly output: () => string
  readonly #guard: ChildProcess

  constructor(guard: ChildProcess, processId: number, exited: Promise<unknown>, output: () => string) {
    this.#guard = guard
    this.processId = processId
    this.output = output
    this.ended = exited.then(() => {
      this.hasEnded = true
      guard.stdin?.destroy()
    })
  }

  async stop(): Promise<void> {
    if (!this.hasEnded) this.#guard.ref()
    this.#guard.stdin?.end()
    this.#guard.ref() // this process must not end before the server does
    await this.ended
  }

  async kill(): Promise<void> {
    if (!this.hasEnded) process.kill(this.processId, "SIGKILL")
    this.#guard.ref()
    await this.ended
  }
}

async function firstLine(guard: { readonly stdout: Readable }): Promise<string> {
  let text = ""
  while (!text.includes("\n")) {
    const [chunk] = await once(guard.stdout, "data")
    text += String(chunk)
  }
  return text.slice(0, text.indexOf("\n"))
}

function collect(streams: readonly Readable[]): () => string {
  let text = ""
  for (const stream of streams) {
    stream.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString("utf8")).slice(-65_536)
    })
  }
  return () => text
}
