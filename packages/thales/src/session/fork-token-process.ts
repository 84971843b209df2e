import { type ChildProcess, fork } from "node:child_process"
import { existsSync } from "node:fs"
import { watchParentVariable } from "../token/end-with-parent.ts"
import type { TokenSettings } from "../token/messages.ts"
import { tokenProcessVariable } from "../token/token-process.ts"

/** Variables without which a process may not run at all; the token's process gets no others of this one. */
const inherited = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"] as const
const spareThreads = 4
const parentDeathHelper = "/usr/bin/setpriv"

/**
 * Starts the process of one token.
 *
 * @param entry - path of the module that the process runs
 * @param environment - variables by which the library finds its tokens
 */
export function forkTokenProcess(
  entry: string,
  environment: Readonly<Record<string, string>>,
  { sessions }: Pick<TokenSettings, "sessions">,
): ChildProcess {
  const kept = inherited.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  const hasHelper = process.platform === "linux" && existsSync(parentDeathHelper)
  return fork(entry, [], {
    ...(hasHelper ? withParentDeathSignal : { execPath: process.execPath, execArgv: [] }),
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    env: {
      ...Object.fromEntries(kept),
      ...environment,
      [tokenProcessVariable]: "1",
      [watchParentVariable]: hasHelper ? "0" : "1",
      UV_THREADPOOL_SIZE: String(sessions + spareThreads),
    },
  })
}

/** Has Linux end the process with this one: a library that hangs in a synchronous call would not notice it. */
const withParentDeathSignal = {
  execPath: parentDeathHelper,
  execArgv: ["--pdeathsig", "KILL", "--", process.execPath],
}
