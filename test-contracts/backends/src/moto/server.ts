import { setTimeout as delay } from "node:timers/promises"
import { freePorts } from "../free-port.ts"
import { type GuardedProcess, startGuarded } from "../guarded-process.ts"
import { installMoto } from "./install.ts"

const readyWithinMs = 30_000
const pollMs = 50

/** A running moto: AWS as others emulate it. */
export interface MotoServer {
  /** `http://127.0.0.1:PORT`. */
  readonly address: string
  stop(): Promise<void>
}

/**
 * Starts moto's server on a free port of 127.0.0.1; it stores nothing on disk.
 * @throws {BackendUnavailable} it is not available on this machine
 */
export async function startMoto(): Promise<MotoServer> {
  const packages = await installMoto()
  const [port = 0] = await freePorts(1)
  const server = await startGuarded("env", [
    `PYTHONPATH=${packages}`,
    ...["python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)],
  ])
  const address = `http://127.0.0.1:${port}`
  await untilReady(address, server)
  return { address, stop: () => server.stop() }
}

async function untilReady(address: string, server: GuardedProcess): Promise<void> {
  const giveUpAtMs = performance.now() + readyWithinMs
  while (!(await answers(address))) {
    if (server.hasEnded) throw new Error(`moto ended before it was ready:\n${server.output()}`)
    if (performance.now() > giveUpAtMs) throw new Error(`moto is not ready in time:\n${server.output()}`)
    await delay(pollMs)
  }
}

async function answers(address: string): Promise<boolean> {
  return fetch(`${address}/moto-api/`, { signal: AbortSignal.timeout(5_000) }).then(
    ({ ok }) => ok,
    () => false, // not yet: the caller polls until its time limit
  )
}
