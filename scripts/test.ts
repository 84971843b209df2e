import { spawn } from "node:child_process"
import { backendFolder } from "../test-contracts/backends/src/cache.ts"
import { SharedServers } from "../test-contracts/backends/src/shared/shared-servers.ts"
import { caseListVariable } from "./test-report/case-list.ts"
import { testRequest } from "./test-selection/arguments.ts"
import { changesSince, testsReachedBy } from "./test-selection/changed-tests.ts"
import { ProjectFiles } from "./test-selection/project-files.ts"
import { quickTests } from "./test-selection/quick-tests.ts"

const root = process.cwd()
const request = testRequest(process.argv.slice(2))

interface Selection {
  readonly files: readonly string[]
  readonly needServers: boolean
}

/** The selected files; `undefined` where vitest selects them. */
function selectedTests(): Selection | undefined {
  if (request.scope !== "quick" && request.scope !== "changed") return undefined
  if (request.scope === "quick") return { files: quickTests(new ProjectFiles(root)), needServers: false }
  const changes = changesSince(root, request.base)
  const project = new ProjectFiles(root, changes.deleted)
  const quick = quickTests(project)
  const files = testsReachedBy(project, changes.files)
  console.log(`${changes.files.length} changed files reach ${files.length} of ${project.tests().length} test files.`)
  return { files, needServers: files.some((file) => !quick.includes(file)) }
}

function environment(shared: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const loopback = [process.env.NO_PROXY ?? process.env.no_proxy, "127.0.0.1,localhost"].filter(Boolean).join(",")
  return {
    // Programs that tests start share a cache of compiled code, also with later runs.
    NODE_COMPILE_CACHE: backendFolder("node-compile-cache"),
    ...process.env,
    ...shared,
    // The client that administers OpenBao obeys HTTP_PROXY, but the test servers are on this machine.
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

async function runTests({ files, needServers }: Selection): Promise<number> {
  const vitest = ["run", ...files, ...request.passedOn]
  if (!needServers) return run("vitest", vitest, environment({}))
  const shared = await SharedServers.listen()
  const env = environment(shared.environment)
  // Installs the servers while the first tests run: a test that needs one waits for it, and reports when it is missing.
  const backends = run("node", ["test-contracts/backends/src/install.ts"], env)
  try {
    return await run("vitest", vitest, env)
  } finally {
    await backends // a failed installation shows in the tests that need it
    await shared.stop()
  }
}

const selected = selectedTests()
if (selected?.files.length === 0) console.log("0 passed, 0 failed, 0 skipped")
else process.exitCode = await runTests(selected ?? { files: [], needServers: true })
