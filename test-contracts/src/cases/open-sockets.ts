import { setTimeout as delay } from "node:timers/promises"
import type { TcpFaultProxy } from "../fault-proxy/proxy.ts"

const socketsCloseWithinMs = 2_000

/** Counts the connections that are open once they had time to close. */
export async function openSocketsOf(proxy: TcpFaultProxy): Promise<number> {
  const giveUpAtMs = performance.now() + socketsCloseWithinMs
  while (proxy.openSockets > 0 && performance.now() < giveUpAtMs) await delay(10)
  return proxy.openSockets
}
