import { execFileSync } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { plugin as localKeystore } from "@apeiro-cmk/local-keystore"
import {
  connectPlugin,
  KeystoreInstanceKeyOperation,
  type PluginConnection,
  smallNodeArguments,
} from "@apeiro-cmk/plugin-sdk/go-plugin"
import { openInProcess, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { installGoPlugin, startGoHost } from "@apeiro-cmk/test-backends"
import { z } from "zod"
import { concurrentLoad } from "../../src/concurrent-load.ts"
import { processUsage } from "../../src/process-usage.ts"

/** What one load showed. */
export interface WireResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** A host with a plugin, which describes one key again and again. */
export interface WireContestant {
  readonly name: string
  load(concurrency: number, seconds: number): Promise<WireResult>
  stop(): Promise<void>
}

const packageFolder = fileURLToPath(new URL("../../../packages/local-keystore/", import.meta.url))
const type = "KeystoreInstanceKeyOperation"
const serviceName = KeystoreInstanceKeyOperation.typeName
const goBench = z.object({ perSecond: z.number(), p50Ms: z.number(), p99Ms: z.number(), failed: z.literal(0) })

/** The two executables that are compared: ours as it is published, and upstream's own in Go. */
export interface Executables {
  readonly ours: { readonly path: string; readonly args: readonly string[]; readonly yaml: string }
  readonly go: { readonly path: string; readonly args: readonly string[]; readonly yaml: string }
  remove(): Promise<void>
}

export async function buildExecutables(): Promise<Executables> {
  execFileSync("tsup", { cwd: packageFolder, stdio: "ignore" })
  const folder = await mkdtemp(join(tmpdir(), "wire-"))
  const ours = { path: process.execPath, args: [...smallNodeArguments, join(packageFolder, "dist/serve.mjs")] }
  return {
    ours: { ...ours, yaml: JSON.stringify({ keyFile: join(folder, "keys") }) },
    go: { path: await installGoPlugin(), args: [type], yaml: "" },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export async function underGoHost(name: string, { path, args, yaml }: Executables["go"]): Promise<WireContestant> {
  const host = await startGoHost([{ name: "PLUGIN", type, path, args, yamlConfiguration: yaml }])
  if (!host.loaded.ok) throw new Error(`the Go host could not load ${path}: ${host.loaded.message}`)
  let perSecond = 2000
  return {
    name,
    async load(concurrency, seconds) {
      const request = { parameters: { keyId: "default" } }
      const more = { call: "GetKey", n: Math.ceil(perSecond * seconds), concurrency }
      const { response } = await host.call("$bench", request, more)
      const seen = goBench.parse(response)
      // The next load of this length takes about the time that was asked for.
      perSecond = seen.perSecond
      return seen
    },
    stop: async () => void (await host.close()),
  }
}

export async function connect({ path, args, yaml }: Executables["go"]): Promise<PluginConnection> {
  return connectPlugin({ type, path, args, serviceName, yamlConfiguration: yaml })
}

/** One whose process can be weighed. */
export interface WeighedContestant extends WireContestant {
  residentBytes(): number
}

export async function underOurHost(name: string, executable: Executables["go"]): Promise<WeighedContestant> {
  const connection = await connect(executable)
  const operation = async () => {
    const bounds = { deadlineMs: Date.now() + 10_000, signal: new AbortController().signal }
    await connection.call(KeystoreInstanceKeyOperation.method.getKey, { parameters: { keyId: "default" } }, bounds)
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
