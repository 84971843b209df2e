import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePorts } from "@apeiro-cmk/test-backends"
import { administratorToken, postgresPersistence } from "../../test/test-host.ts"
import { hostCommand, startProgram } from "../program.ts"
import type { Checkout } from "./earlier-checkout.ts"
import { nameServerAddress, openBaoName } from "./neighbourhood.ts"

/** A host that runs from a checkout. */
export interface HostProcess {
  readonly name: string
  readonly processId: number
  readonly url: string
  readonly administratorToken: string
  stop(): Promise<void>
}

/** Options of {@link startHostProcess}. */
export interface HostProcessOptions {
  /** Ports of the OpenBao servers that tenants may name. */
  readonly openBaoPorts: readonly number[]
  /** Gives the host a `resolv.conf` of its own, by a mount namespace: needs root. */
  readonly withNames: boolean
  /** A PostgreSQL with its password. Default: SQLite. */
  readonly databaseUrl?: string
}

/** Starts a host with SQLite and two plugins, local-keystore and openbao. */
export async function startHostProcess(checkout: Checkout, options: HostProcessOptions): Promise<HostProcess> {
  const folder = await mkdtemp(join(tmpdir(), "fairness-"))
  const dataDirectory = join(folder, "data")
  await mkdir(dataDirectory, { mode: 0o700 })
  await symlink(join(checkout.folder, "profiles", "node_modules"), join(folder, "node_modules"))
  const [port = 0, operationsPort = 0] = await freePorts(2)
  const profileFile = join(folder, "profile.yaml")
  await writeFile(profileFile, JSON.stringify(await profileOf(folder, port, operationsPort, options)))
  const resolverFile = join(folder, "resolv.conf")
  await writeFile(resolverFile, `nameserver ${nameServerAddress}\n`)
  const host = await commandOf(checkout, ["--profile", profileFile])
  const command = options.withNames ? ["unshare", ...ownResolver, resolverFile, ...host] : host
  const program = await startProgram(command, join(folder, "host.log"))
  return {
    name: checkout.name,
    processId: program.processId,
    url: `http://127.0.0.1:${port}`,
    administratorToken: await administratorToken({ dataDirectory }),
    async stop() {
      // What an attack has left in flight is not waited for.
      await program.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Before the host had an executable of its own, the command line served. */
async function commandOf({ folder }: Checkout, options: readonly string[]): Promise<readonly string[]> {
  const host = join(folder, "apps", "host")
  if (existsSync(join(host, "src", "main.ts"))) return hostCommand(options, host)
  return [process.execPath, join(host, "src", "cli", "main.ts"), "serve", ...options]
}

const ownResolver = [
  ...["--mount", "--propagation", "private", "sh", "-c"],
  'mount --bind "$0" /etc/resolv.conf && exec "$@"',
]

async function profileOf(folder: string, port: number, operationsPort: number, options: HostProcessOptions) {
  const { databaseUrl, openBaoPorts } = options
  const dataDirectory = join(folder, "data")
  const endpoints = openBaoPorts.flatMap((port) => [`http://${openBaoName}:${port}`, `http://127.0.0.1:${port}`])
  return {
    mode: "development",
    dataDirectory,
    ...(databaseUrl === undefined ? {} : { persistence: await postgresPersistence(folder, databaseUrl) }),
    listeners: { api: { port }, operations: { port: operationsPort } },
    plugins: [
      {
        name: "local-keystore",
        type: "keystore",
        package: "@apeiro-cmk/local-keystore",
        configuration: { keyFile: join(dataDirectory, "local-keystore.key") },
      },
      {
        name: "openbao",
        type: "keystore",
        package: "@apeiro-cmk/openbao",
        configuration: { allowedEndpoints: ["https://*", ...endpoints], allowedAddresses: ["127.0.0.0/8"] },
      },
    ],
  }
}
