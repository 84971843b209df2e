import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { openInProcess, type TestServices, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { buildFaultModule, type FaultModule } from "@apeiro-cmk/test-backends"
import { onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"
import { Hsm } from "./hsm.ts"

/** SoftHSM behind the fault module. */
export class FaultyHsm {
  readonly hsm: Hsm
  readonly faults: FaultModule

  private constructor(hsm: Hsm, faults: FaultModule) {
    this.hsm = hsm
    this.faults = faults
  }

  /** @param labels - of the tokens */
  static async start(labels?: readonly string[]): Promise<FaultyHsm> {
    const hsm = await Hsm.start(labels)
    return new FaultyHsm(hsm, await buildFaultModule(hsm.tokens.module))
  }

  /** Starts the plugin with one module under two names; it is stopped when the test ends. */
  async startPlugin(settings: object = {}, variables: Readonly<Record<string, string>> = {}) {
    await this.faults.control()
    const services = testServices()
    const environment = { ...this.hsm.tokens.environment, ...this.faults.environment, ...variables }
    const module = { library: this.faults.module, environment }
    const modules = { test: module, other: module }
    const started = await openInProcess(plugin, { pluginConfiguration: { modules, ...settings }, services })
    onTestFinished(() => started.stop())
    return { services, started }
  }

  /** Opens a keystore on a new key; it is closed when the test ends. */
  async open(
    settings: object = {},
    more: object = {},
    variables: Readonly<Record<string, string>> = {},
  ): Promise<{ keystore: KeystoreV1; services: TestServices }> {
    const { services, started } = await this.startPlugin(settings, variables)
    const token = this.hsm.token()
    const label = this.hsm.newLabel()
    this.hsm.admin.createKey(token, label)
    const configuration = { ...this.hsm.configuration(token, label), ...more }
    return { services, keystore: await started.openKeystore(configuration, testCall()) }
  }

  async stop(): Promise<void> {
    await this.hsm.stop()
    await this.faults.remove()
  }
}
