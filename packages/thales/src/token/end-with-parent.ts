import { Worker } from "node:worker_threads"

/** Environment variable that has a token's process watch its parent itself. */
export const watchParentVariable = "APEIRO_CMK_WATCH_PARENT"

const watching = `
const { ppid } = process
setInterval(() => { if (process.ppid !== ppid) process.kill(process.pid, "SIGKILL") }, 500)
`

/**
 * Ends this process when its parent has gone, in a thread of its own: a library can block the main one permanently. For
 * systems where nothing else ends it; where something does, the thread would only cost memory.
 */
export function endWithParent(): void {
  new Worker(watching, { eval: true }).unref()
}
