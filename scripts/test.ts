import { spawn } from "node:child_process"
import { backendFolder } from "../test-contracts/backends/src/cache.ts"

/**
 * Runs every test. The servers that tests need are brought meanwhile: a test that needs one waits for it, and says so
 * where it cannot be had. Programs that tests start share what Node has compiled of them, also with the next run.
 */
function run(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = { NODE_COMPILE_CACHE: backendFolder("node-compile-cache"), ...process.env }
    const child = spawn(program, args, { stdio: "inherit", env })
    child.on("error", reject)
    child.on("exit", (code) => resolve(code ?? 1))
  })
}

const backends = run("node", ["test-contracts/backends/src/install.ts"])
const tests = await run("vitest", ["run", ...process.argv.slice(2)])
await backends // what could not be had shows in the tests that need it
process.exitCode = tests
