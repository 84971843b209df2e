// A process that starts itself once more, as a child that watches its parent and blocks its main thread.
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { endWithParent } from "../src/token/end-with-parent.ts"

if (process.argv[2] === "child") {
  endWithParent()
  // The thread begins while this one still turns.
  setTimeout(() => {
    process.send?.("blocks")
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 100)
  }, 500)
} else {
  const child = fork(fileURLToPath(import.meta.url), ["child"], { stdio: ["ignore", "ignore", "ignore", "ipc"] })
  child.once("message", () => process.stdout.write(`${child.pid}\n`))
}
