/** Decrypts with a real OpenBao on this machine, its audit file on: operations per second and latency (REQ-005, REQ-006). */
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { context, OpenBao, plaintext } from "../test/open-bao.ts"

const operations = 3_000

const bao = await OpenBao.start()
// The server's process by itself does not keep this one alive while it is being stopped.
const keepAlive = setInterval(() => undefined, 1_000)
try {
  const { keystore } = await bao.open()
  const key = keystore.defaultKey
  const sealed = await keystore.encrypt({ key, plaintext, context }, testCall())
  for (const concurrency of [1, 16, 64]) {
    const latenciesMs: number[] = []
    let begun = 0
    const startedMs = performance.now()
    const work = async () => {
      while (begun < operations) {
        begun += 1
        const sentMs = performance.now()
        const { plaintext: opened } = await keystore.decrypt({ key, ...sealed, context }, testCall())
        opened.fill(0)
        latenciesMs.push(performance.now() - sentMs)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, work))
    const perSecond = Math.round(latenciesMs.length / ((performance.now() - startedMs) / 1_000))
    latenciesMs.sort((left, right) => left - right)
    const at = (share: number) => (latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0).toFixed(2)
    process.stdout.write(
      `concurrency ${concurrency}: ${perSecond}/s, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms\n`,
    )
  }
} finally {
  await bao.stop()
  clearInterval(keepAlive)
}
