// The entry point of every task of the project, from a fresh clone without preparation: `node scripts/run.mjs TASK`.
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { ensureToolchain, projectFolder } from "./toolchain.mjs"

const cli = join(projectFolder, "apps", "cli", "src", "main.ts")
const hostFolder = join(projectFolder, "apps", "host")
const hostPackage = JSON.parse(readFileSync(join(hostFolder, "package.json"), "utf8"))
const host = [...hostPackage.config.nodeArguments, join(hostFolder, "src", "main.ts")]
const tasks = {
  start: ["node", ...host, "--demo"],
  "apeiro-cmk": ["node", cli],
  test: ["node", "scripts/test.ts"],
  check: ["node", "scripts/check.ts"],
  build: ["turbo", "run", "build"],
  bench: ["node", "scripts/bench.ts"],
  capabilities: ["node", "scripts/capabilities.ts"],
  "demo-aws": ["node", "scripts/demo-aws.ts"],
  fix: ["biome", "check", "--write"],
}

/** npm's shell ends at a signal without passing it on: under npm, the child ends when that shell is gone. */
function endWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return undefined
  const shell = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === shell) return
    clearInterval(watch)
    child.kill("SIGTERM") // once: a second signal would end the host abruptly
  }, 250)
  return watch
}

/** Runs a program to its end and passes signals on; resolves with its exit code. */
function run([program, ...args], options) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", shell: process.platform === "win32", ...options })
    // In a terminal, Ctrl-C also reaches the child, and a second SIGINT would end it at once.
    const pass = (signal) => (signal === "SIGINT" && process.stdin.isTTY ? undefined : child.kill(signal))
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, pass)
    const watch = endWithNpm(child)
    child.on("error", reject)
    child.on("exit", (code, signal) => {
      clearInterval(watch)
      for (const name of ["SIGINT", "SIGTERM"]) process.off(name, pass)
      resolve(code ?? (signal === "SIGINT" ? 130 : 143))
    })
  })
}

async function main([task, ...args]) {
  const command = tasks[task]
  if (command === undefined) {
    console.error(`Tasks: ${Object.keys(tasks).join(", ")}`)
    return 2
  }
  const env = { NODE_OPTIONS: "--disable-warning=ExperimentalWarning", ...ensureToolchain() }
  // The installation reports to standard error, so that standard output belongs to the task.
  const install = ["pnpm", "install", "--frozen-lockfile", "--reporter=append-only", "--loglevel=warn"]
  const installed = await run(install, { env, cwd: projectFolder, stdio: ["ignore", 2, 2] })
  if (installed !== 0) return installed
  return run([...command, ...args], { env, ...(task === "apeiro-cmk" ? {} : { cwd: projectFolder }) })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
