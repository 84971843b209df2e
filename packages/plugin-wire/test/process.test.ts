import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { status } from "@grpc/grpc-js"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { KeystoreInstanceKeyOperation } from "../src/generated/plugin/keystore/operations/v1/operations_pb.js"
import { Config } from "../src/generated/service/common/config/v1/config_pb.js"
import { connectPlugin, type PluginConnection, type WireLogLine } from "../src/index.ts"

const toy = fileURLToPath(new URL("serve-toy.ts", import.meta.url))
const type = "KeystoreInstanceKeyOperation"
const serviceName = KeystoreInstanceKeyOperation.typeName
const hangMs = 20_000

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "process-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Options {
  readonly yaml?: string
  readonly args?: readonly string[]
  readonly path?: string
  readonly env?: Readonly<Record<string, string>>
  readonly checksum?: string
  readonly startTimeoutMs?: number
  readonly socketDirectory?: string
  readonly serviceName?: string
}

async function connect(options: Options = {}) {
  const log: WireLogLine[] = []
  const { yaml: yamlConfiguration = "", ...more } = options
  const connection = await connectPlugin({
    ...{ type, path: process.execPath, args: [toy], serviceName, socketDirectory: folder },
    ...more,
    yamlConfiguration,
    onLog: (line) => log.push(line),
  })
  onTestFinished(() => connection.kill())
  return { connection, log }
}

function getKey(connection: PluginConnection, keyId: string, timeoutMs = hangMs) {
  const bounds = { deadlineMs: Date.now() + timeoutMs, signal: new AbortController().signal }
  return connection.call(KeystoreInstanceKeyOperation.method.getKey, { parameters: { keyId } }, bounds)
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch {
    return false
  }
}

describe("a plugin as a process", () => {
  it("serves, describes itself, and ends in order, with nothing left behind", async () => {
    const { connection } = await connect()
    expect(connection.serviceNames).toEqual([serviceName, Config.typeName])
    expect(JSON.parse(connection.buildInfo)).toEqual({ product: "toy", version: "1.2.3" })
    expect(await getKey(connection, "k")).toMatchObject({ keyId: "k", status: "ENABLED", latestKeyVersionId: "1" })
    expect(await readdir(folder)).toHaveLength(1)
    await connection.close()
    expect(await connection.ended).toBe(0)
    expect(await readdir(folder)).toEqual([])
  })

  it("removes what a killed plugin has left behind", async () => {
    const parent = await mkdtemp(path.join(folder, "sockets-"))
    const { connection: killed } = await connect({ socketDirectory: parent })
    killed.kill()
    await killed.ended
    const [left] = await readdir(parent)
    if (left === undefined) throw new Error("the killed plugin left nothing")
    const longAgo = new Date(Date.now() - 120_000)
    await utimes(path.join(parent, left, "plugin"), longAgo, longAgo)
    const { connection } = await connect({ socketDirectory: parent })
    await getKey(connection, "k")
    await expect.poll(() => readdir(parent), { timeout: hangMs }).not.toContain(left)
    expect(await getKey(connection, "k")).toMatchObject({ keyId: "k" })
    await connection.close()
    expect(await readdir(parent)).toEqual([])
    await rm(parent, { recursive: true })
  })

  it("takes a port where the path of the socket would be too long", async () => {
    const long = path.join(folder, "d".repeat(100))
    const { connection } = await connect({ socketDirectory: long })
    expect(await getKey(connection, "k")).toMatchObject({ keyId: "k" })
    await connection.close()
  })

  it("answers a thousand calls at once", async () => {
    const { connection } = await connect()
    const answers = await Promise.all(Array.from({ length: 1000 }, (_each, index) => getKey(connection, `k${index}`)))
    expect(answers.map(({ keyId }) => keyId)).toEqual(answers.map((_each, index) => `k${index}`))
    await connection.close()
  })

  it("can be configured again while it serves", async () => {
    const { connection } = await connect()
    const bounds = { deadlineMs: Date.now() + hangMs, signal: new AbortController().signal }
    await connection.call(Config.method.configure, { yamlConfiguration: "noise: true" }, bounds)
    expect(await getKey(connection, "k")).toMatchObject({ keyId: "k" })
    const wrong = connection.call(Config.method.configure, { yamlConfiguration: "nosie: true" }, bounds)
    await expect(wrong).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      message: expect.stringContaining("nosie"),
    })
    expect(await getKey(connection, "k")).toMatchObject({ keyId: "k" })
    await connection.close()
  })

  it("gives each call its own deadline", async () => {
    const { connection } = await connect()
    await expect(getKey(connection, "hang", 300)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
    expect(await getKey(connection, "k")).toMatchObject({ keyId: "k" })
    await connection.close()
  })

  it("survives what its dependencies print, and a rejection that nothing handles", async () => {
    const { connection, log } = await connect({ yaml: "noise: true" })
    for (const keyId of ["log", "throw", "log"]) await getKey(connection, keyId)
    expect(await getKey(connection, "k")).toMatchObject({ keyId: "k" })
    await connection.close()
    const told = log.filter(({ level }) => level === "error")
    expect(told).toMatchObject([{ message: expect.stringContaining("rejected"), fields: { "@module": "toy" } }])
    expect(JSON.stringify(log)).not.toContain("noise of a dependency")
  })

  it("logs an error that nothing caught, without its message, and ends with 1", async () => {
    const { connection, log } = await connect()
    await getKey(connection, "crash").catch(() => undefined)
    expect(await connection.ended).toBe(1)
    expect(log.at(-1)).toMatchObject({ level: "error", fields: { reason: expect.stringContaining("serve-toy") } })
    expect(JSON.stringify([log, connection.lastLines()])).not.toContain("canary-in-a-crash")
    await expect(getKey(connection, "k")).rejects.toMatchObject({ code: status.UNAVAILABLE })
  })

  it("ends within two seconds even if its plugin does not stop, with all that it has started", async () => {
    const { connection } = await connect({ yaml: "{hangOnStop: true, grandchild: true}" })
    await connection.close()
    expect(isAlive(connection.processId)).toBe(false)
  })

  it("is ended by force when it hangs, and its calls end at their deadlines", async () => {
    const { connection } = await connect()
    process.kill(connection.processId, "SIGSTOP")
    await expect(getKey(connection, "k", 300)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
    await connection.close()
    expect(await connection.ended).toBe("SIGKILL")
  })

  it("ignores the Ctrl-C that is meant for its host, and ends at SIGTERM", async () => {
    const { connection } = await connect()
    process.kill(connection.processId, "SIGINT")
    expect(await getKey(connection, "k")).toMatchObject({ keyId: "k" })
    process.kill(connection.processId, "SIGTERM")
    expect(await connection.ended).toBe(0)
  })

  it("receives only what a process needs from the host's environment", async () => {
    process.env.HOST_SECRET = "canary-of-the-host"
    onTestFinished(() => void delete process.env.HOST_SECRET)
    const { connection } = await connect({ env: { ADDED: "yes" } })
    const environment = await readFile(`/proc/${connection.processId}/environ`, "utf8")
    expect(environment).not.toContain("canary-of-the-host")
    expect(environment).toContain("ADDED=yes")
    await connection.close()
  })
})

describe("a process that cannot be used", () => {
  const script = (text: string) => ({ args: ["-e", text] })
  it.each<[string, Options, RegExp]>([
    [
      "writes nothing",
      { ...script("setInterval(() => {}, 1000)"), startTimeoutMs: 300 },
      /wrote nothing within 300 ms/,
    ],
    ["ends at once", script("process.stderr.write('[ERROR] no licence\\n'); process.exit(3)"), /ended \(3\) before/],
    [
      "prints something else",
      script("console.log('Hello'); setInterval(() => {}, 1000)"),
      /has 1 of at least 4 fields/,
    ],
    [
      "prints a line that does not end",
      script("process.stdout.write('x'.repeat(70000)); setInterval(() => {}, 1000)"),
      /no end/,
    ],
    [
      "shows no certificate",
      script("console.log('1|1|unix|/tmp/x|grpc|'); setInterval(() => {}, 1000)"),
      /no certificate/,
    ],
    ["does not exist", { path: "/nowhere/plugin", args: [] }, /nowhere\/plugin/],
    [
      "serves something else",
      { serviceName: "plugin.notification.v1.NotificationService" },
      /and not plugin\.notification/,
    ],
    ["refuses its configuration", { yaml: "{noise: 3, more: 1}" }, /noise.*more/],
    ["is configured by a text that is not YAML", { yaml: "a: [secret-canary" }, /not valid YAML: line 1/],
    ["is configured by YAML with an alias", { yaml: "a: &x [1]\nnoise: *x" }, /may not hold aliases: line 2, column 8/],
    ["does not start", { yaml: "failStart: true" }, /The toy does not start\. Wind it up\./],
    ["does not match its checksum", { checksum: "0".repeat(64) }, /was not started/],
    ["has an invalid checksum", { checksum: "abc" }, /not a SHA-256/],
  ])("is refused, with the reason: it %s", async (_name, options, reason) => {
    const failure = await connect(options).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ name: "PluginProcessError", message: expect.stringMatching(reason) })
    expect(String(failure)).not.toContain("secret-canary")
  })

  it("reports its last lines", async () => {
    const failure = connect(
      script("process.stderr.write('[ERROR] no licence\\n'); setTimeout(() => process.exit(3), 50)"),
    )
    await expect(failure).rejects.toMatchObject({ lastLines: ["[ERROR] no licence"] })
  })

  it("is started when its checksum is right", async () => {
    const checksum = createHash("sha256")
      .update(await readFile(process.execPath))
      .digest("hex")
    const { connection } = await connect({ checksum })
    await connection.close()
  })

  it("tells a person who starts it by hand how to use it", () => {
    const { status: exitCode, stderr } = spawnSync(process.execPath, [toy], { encoding: "utf8", timeout: hangMs })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^toy is a plugin of OpenKCM's CMK service: a host starts it, not a person\. /)
  })

  it("tells a host that it does not serve the type", async () => {
    const failure = connectPlugin({
      ...{ type: "SomethingElse", path: process.execPath, args: [toy], serviceName, yamlConfiguration: "" },
    })
    await expect(failure).rejects.toMatchObject({
      message: expect.stringContaining("ended (1)"),
      lastLines: [expect.stringContaining("serves the types KeystoreInstanceKeyOperation, KeystoreProvider;")],
    })
  })
})
