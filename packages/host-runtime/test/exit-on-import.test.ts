import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { project } from "./project.ts"

const checker = fileURLToPath(new URL("fixtures/check-profile.mjs", import.meta.url))

/** Checks, in a process of its own, a profile whose only plugin's package has this module. */
async function checkModule(module: string) {
  const made = project("mode: development\nplugins: [{ name: a, type: keystore, package: quitter }]\n")
  made.installScripted("quitter")
  made.write("node_modules/quitter/index.js", module)
  const child = spawn(process.execPath, [checker, made.profile], { stdio: ["ignore", "pipe", "pipe"] })
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")])
  return { stdout, stderr, exitCode }
}

it.each([
  ["ends the process as if all were well", "process.exit(0)", 1],
  ["ends the process with a code of its own", "process.exit(7)", 7],
])("names the package whose module %s, and does not end with 0", async (_, module, code) => {
  const { stdout, stderr, exitCode } = await checkModule(module)
  expect(stdout).toBe("")
  expect(stderr).toMatch(/plugin `a` is imported: the module of quitter ended it/)
  expect(exitCode).toBe(code)
})

it("says nothing of the kind about a module that only throws", async () => {
  const { stdout, stderr, exitCode } = await checkModule("throw new Error('no')")
  expect(stdout).toBe("checked false\n")
  expect(stderr).not.toContain("ended it")
  expect(exitCode).toBe(0)
})
