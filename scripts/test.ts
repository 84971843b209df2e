import { spawn } from "node:child_process"
import { backendFolder } from "../test-contracts/backends/src/cache.ts"
import { SharedServers } from "../test-contracts/backends/src/shared/shared-servers.ts"
import { caseListVariable } from "./test-report/case-list.ts"
import { testRequest } from "./test-selection/arguments.ts"
import { changedFiles, testsReachedBy } from "./test-selection/changed-tests.ts"
import { ProjectFiles } from "./test-selection/project-files.ts"
import { quickTests } from "./test-selection/quick-tests.ts"

const root = process.cwd()
const request = testRequest(process.argv.slice(2))
const project = new ProjectFiles(root)
const quick = quickTests(project)

/** The files of the run; `undefined` where vitest chooses. */
function selectedTests(): readonly string[] | undefined {
  if (request.scope === "quick") return quick
  if (request.scope !== "changed") return undefined
  const changed = changedFiles(root, request.base)
  const reached = testsReachedBy(project, changed)
  console.log(`${changed.length} changed files reach ${reached.length} of ${project.tests().length} test files.`)
  return reached
}

function environment(shared: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const loopback = [process.env.NO_PROXY ?? process.env.no_proxy, "127.0.0.1,localhost"].filter(Boolean).join(",")
  return {
    // Programs that tests start share what Node has compiled of them, also with the next run.
    NODE_COMPILE_CACHE: backendFolder("node-compile-cache"),
    ...process.env,
    ...shared,
    // The client that administers OpenBao obeys HTTP_PROXY; the servers of the tests are on this machine.
    ...{ NO_PROXY: loopback, no_proxy: loopback },
    ...(request.scope === "quick" ? { APEIRO_CMK_TESTS_WITHOUT_SERVERS: "1" } : {}),
    ...(request.scope === "all" ? { [caseListVariable]: backendFolder("test-cases.json") } : {}),
  }
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env })
    child.on("error", reject)
    child.on("exit", (code) => resolve(code ?? 1))
  })
}

async function runTests(selected: readonly string[] | undefined): Promise<number> {
  const needsServers = selected === undefined || selected.some((file) => !quick.includes(file))
  if (!needsServers) return run("vitest", ["run", ...selected, ...request.passedOn], environment({}))
  const shared = await SharedServers.listen()
  const env = environment(shared.environment)
  // The servers that tests need are installed meanwhile: a test that needs one waits for it, and says so where it is not
  // available.
  const backends = run("node", ["test-contracts/backends/src/install.ts"], env)
  try {
    return await run("vitest", ["run", ...(selected ?? []), ...request.passedOn], env)
  } finally {
    await backends // an installation that failed shows in the tests that need it
    await shared.stop()
  }
}

const selected = selectedTests()
if (selected?.length === 0) console.log("0 passed, 0 failed, 0 skipped")
else process.exitCode = await runTests(selected)
