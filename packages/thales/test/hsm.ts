import { openInProcess, type TestServices } from "@apeiro-cmk/plugin-sdk/testing"
import { type SoftHsm, startSoftHsm, TokenAdmin } from "@apeiro-cmk/test-backends"
import { plugin } from "../src/index.ts"

export const pin = "canary-pin-1234"

/** SoftHSM with its tokens: the library sees those that are there when it starts. */
export class Hsm {
  readonly softHsm: SoftHsm
  readonly admin: TokenAdmin
  readonly #tokens: string[]
  #lastNumber = 0

  private constructor(softHsm: SoftHsm, tokens: string[]) {
    this.softHsm = softHsm
    this.#tokens = tokens
    this.admin = new TokenAdmin(softHsm.module, softHsm.environment, pin)
  }

  /** @param labels - of the tokens; one label may stand for several tokens */
  static async start(labels: readonly string[] = ["partition"]): Promise<Hsm> {
    const softHsm = await startSoftHsm()
    for (const label of labels) await softHsm.createToken(label, pin)
    return new Hsm(softHsm, [...labels])
  }

  /** Label of the next token. */
  token(): string {
    const label = this.#tokens[this.#lastNumber % this.#tokens.length] ?? ""
    this.#lastNumber += 1
    return label
  }

  newLabel(): string {
    this.#lastNumber += 1
    return `key-${this.#lastNumber}`
  }

  pluginConfiguration() {
    const { module: library, environment } = this.softHsm
    return { modules: { softhsm: { library, environment } } }
  }

  plugin(services: TestServices) {
    return openInProcess(plugin, { pluginConfiguration: this.pluginConfiguration(), services })
  }

  configuration(partition_label: string, key_label: string) {
    return { hsm_ip_addresses: ["127.0.0.1"], partition_label, key_label, pin, module: "softhsm" }
  }

  async stop(): Promise<void> {
    this.admin.close()
    await this.softHsm.stop()
  }
}
