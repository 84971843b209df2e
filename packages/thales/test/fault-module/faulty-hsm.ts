import { execFileSync } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { openInProcess, type TestServices, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { onTestFinished } from "vitest"
import { plugin } from "../../src/index.ts"
import { Hsm, pin } from "../hsm.ts"

/** What the fault module does at a call. */
export interface Fault {
  /** With `@SERIAL`, of one token alone. */
  readonly function: `C_${string}`
  readonly action: "return" | "sleep" | "stall" | "crash"
  /** Return value, or milliseconds. */
  readonly number?: number
  /** Default 1; -1 for every call. */
  readonly times?: number
}

/** SoftHSM behind the fault module, which is built for this. */
export class FaultyHsm {
  readonly hsm: Hsm
  readonly #folder: string
  readonly #module: string

  private constructor(hsm: Hsm, folder: string, module: string) {
    this.hsm = hsm
    this.#folder = folder
    this.#module = module
  }

  static async start(labels?: readonly string[]): Promise<FaultyHsm> {
    const folder = await mkdtemp(join(tmpdir(), "fault-module-"))
    const module = join(folder, "fault-module.so")
    const source = fileURLToPath(new URL("fault-module.c", import.meta.url))
    const headers = join(dirname(createRequire(import.meta.url).resolve("pkcs11js")), "includes/pkcs11")
    execFileSync("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-I", headers, "-o", module, source, "-ldl", "-lpthread"])
    return new FaultyHsm(await Hsm.start(labels), folder, module)
  }

  /** Replaces the faults; none without arguments. */
  async control(...faults: readonly Fault[]): Promise<void> {
    const lines = faults.map(
      ({ function: name, action, number = 0, times = 1 }) => `${name} ${action} ${number} ${times}\n`,
    )
    // The stamp makes equal faults a new file, so that their counts start again.
    await writeFile(this.#control, `# ${performance.now()}\n${lines.join("")}`)
  }

  /** Names of the functions that were called since the last time, in order. */
  async calls(): Promise<readonly string[]> {
    const text = await readFile(this.#trace, "utf8").catch(() => "")
    await writeFile(this.#trace, "")
    return text.split("\n").filter(Boolean)
  }

  /** Opens a keystore on a key of its own; it goes when the test ends. */
  async open(settings: object = {}, more: object = {}): Promise<{ keystore: KeystoreV1; services: TestServices }> {
    await this.control()
    const services = testServices()
    const { softHsm, admin } = this.hsm
    const environment = {
      ...softHsm.environment,
      FAULT_MODULE_TARGET: softHsm.module,
      FAULT_MODULE_CONTROL: this.#control,
      FAULT_MODULE_TRACE: this.#trace,
    }
    const modules = { softhsm: { library: this.#module, environment } }
    const started = await openInProcess(plugin, { pluginConfiguration: { modules, ...settings }, services })
    onTestFinished(() => started.stop())
    const token = this.hsm.token()
    const label = this.hsm.newLabel()
    admin.createKey(token, label)
    const configuration = { ...this.hsm.configuration(token, label), ...more }
    return { services, keystore: await started.openKeystore(configuration, testCall()) }
  }

  async stop(): Promise<void> {
    await this.hsm.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  get #control(): string {
    return join(this.#folder, "control")
  }

  get #trace(): string {
    return join(this.#folder, "trace")
  }
}

export { pin }
