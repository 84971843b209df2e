import { execFileSync } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { plugin as localKeystore } from "@apeiro-cmk/local-keystore"
import { openInProcess, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import {
  connectPlugin,
  KeystoreInstanceKeyOperation,
  type PluginConnection,
  smallNodeArguments,
  smallNodeEnvironment,
} from "@apeiro-cmk/plugin-wire"
import { installGoPlugin, startGoHost } from "@apeiro-cmk/test-backends"
import { startReferenceServer } from "@apeiro-cmk/test-contracts"
import * as z from "zod"
import { concurrentLoad } from "../../src/concurrent-load.ts"
import { processUsage } from "../../src/process-usage.ts"

/** Measurements of one load. */
export interface WireResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** A host with a plugin, which describes one key repeatedly. */
export interface WireContestant {
  readonly name: string
  load(concurrency: number, seconds: number): Promise<WireResult>
  stop(): Promise<void>
}

const projectFolder = fileURLToPath(new URL("../../..", import.meta.url))
const type = "KeystoreInstanceKeyOperation"
const serviceName = KeystoreInstanceKeyOperation.typeName
const goBench = z.object({ perSecond: z.number(), p50Ms: z.number(), p99Ms: z.number(), failed: z.literal(0) })

/** A plugin's executable, and how it is started and configured. */
export interface Executable {
  readonly path: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly yaml: string
  /** Key that each call describes. */
  readonly parameters: { readonly keyId: string; readonly config?: { readonly values: Record<string, string> } }
}

/** The contestants: our plugins as published, and upstream's own in Go. */
export interface Executables {
  readonly ours: Executable
  /** The plugin of the conformance kit: what every plugin has at least. */
  readonly reference: Executable
  readonly go: Executable
  remove(): Promise<void>
}

export async function buildExecutables(): Promise<Executables> {
  const folder = await mkdtemp(join(tmpdir(), "wire-"))
  const server = await startReferenceServer()
  server.vault.create("l1")
  const values = { address: `http://127.0.0.1:${server.port}`, api_key: server.apiKey, key_name: "l1" }
  const egress = { allowedEndpoints: ["http://127.0.0.1:*"], allowedAddresses: ["127.0.0.0/8"] }
  const parameters = { keyId: "default" }
  return {
    ours: { ...buildExecutable("packages/local-keystore", { keyFile: join(folder, "keys") }), parameters },
    reference: { ...buildExecutable("test-contracts", egress), parameters: { keyId: "l1", config: { values } } },
    go: { path: await installGoPlugin(), args: [type], env: {}, yaml: "", parameters },
    async remove() {
      await server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function buildExecutable(packageFolder: string, configuration: object): Omit<Executable, "parameters"> {
  const folder = join(projectFolder, packageFolder)
  execFileSync("tsup", { cwd: folder, stdio: "ignore" })
  return {
    path: process.execPath,
    args: [...smallNodeArguments, join(folder, "dist/serve.mjs")],
    env: smallNodeEnvironment,
    yaml: JSON.stringify(configuration),
  }
}

export async function underGoHost(
  name: string,
  { path, args, env, yaml, parameters }: Executable,
): Promise<WireContestant> {
  const host = await startGoHost([{ name: "PLUGIN", type, path, args, env, yamlConfiguration: yaml }])
  if (!host.loaded.ok) throw new Error(`the Go host could not load ${path}: ${host.loaded.message}`)
  let perSecond = 2000
  return {
    name,
    async load(concurrency, seconds) {
      const more = { call: "GetKey", n: Math.ceil(perSecond * seconds), concurrency }
      const { response } = await host.call("$bench", { parameters }, more)
      const seen = goBench.parse(response)
      // The next load of this length takes about the requested time.
      perSecond = seen.perSecond
      return seen
    },
    stop: async () => void (await host.close()),
  }
}

export async function connect({ path, args, env, yaml }: Executable): Promise<PluginConnection> {
  return connectPlugin({ type, path, args, env, serviceName, yamlConfiguration: yaml })
}

/** A contestant whose process can be measured. */
export interface WeighedContestant extends WireContestant {
  residentBytes(): number
}

export async function underOurHost(name: string, executable: Executable): Promise<WeighedContestant> {
  const connection = await connect(executable)
  const operation = async () => {
    const bounds = { deadlineMs: Date.now() + 10_000, signal: new AbortController().signal }
    await connection.call(KeystoreInstanceKeyOperation.method.getKey, { parameters: executable.parameters }, bounds)
  }
  return {
    name,
    load: (concurrency, seconds) => concurrentLoad(operation, concurrency, seconds),
    residentBytes: () => processUsage([connection.processId]).residentBytes,
    stop: () => connection.close(),
  }
}

export async function inProcess(name: string, { ours }: Executables): Promise<WireContestant> {
  const started = await openInProcess(localKeystore, { pluginConfiguration: JSON.parse(ours.yaml) })
  const keystore = await started.openKeystore({ key_name: "default" }, testCall())
  const operation = async () => {
    const call = testCall()
    try {
      await keystore.describeKey({ keyId: "default" }, call)
    } finally {
      call.dispose()
    }
  }
  return {
    name,
    load: (concurrency, seconds) => concurrentLoad(operation, concurrency, seconds),
    stop: () => started.stop(),
  }
}
