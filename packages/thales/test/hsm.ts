import { openInProcess, type TestServices } from "@apeiro-cmk/plugin-sdk/testing"
import { type Pkcs11Tokens, startSoftHsm, TokenAdmin } from "@apeiro-cmk/test-backends"
import { plugin } from "../src/index.ts"

export const pin = "canary-pin-1234"

/** Tokens of a PKCS#11 module, whose library sees only the tokens that exist when it starts. */
export class Hsm {
  readonly tokens: Pkcs11Tokens
  readonly admin: TokenAdmin
  readonly #labels: string[]
  #lastNumber = 0

  private constructor(tokens: Pkcs11Tokens, labels: string[]) {
    this.tokens = tokens
    this.#labels = labels
    this.admin = new TokenAdmin(tokens.module, tokens.environment, pin)
  }

  /** @param labels - of the tokens; one label may stand for several tokens */
  static async start(labels: readonly string[] = ["partition"], startTokens = startSoftHsm): Promise<Hsm> {
    const tokens = await startTokens()
    for (const label of labels) await tokens.createToken(label, pin)
    return new Hsm(tokens, [...labels])
  }

  /** Returns the label of the next token. */
  token(): string {
    const label = this.#labels[this.#lastNumber % this.#labels.length] ?? ""
    this.#lastNumber += 1
    return label
  }

  newLabel(): string {
    this.#lastNumber += 1
    return `key-${this.#lastNumber}`
  }

  pluginConfiguration() {
    const { module: library, environment } = this.tokens
    return { modules: { test: { library, environment } } }
  }

  plugin(services: TestServices) {
    return openInProcess(plugin, { pluginConfiguration: this.pluginConfiguration(), services })
  }

  configuration(partition_label: string, key_label: string) {
    return { hsm_ip_addresses: ["127.0.0.1"], partition_label, key_label, pin, module: "test" }
  }

  async stop(): Promise<void> {
    this.admin.close()
    await this.tokens.stop()
  }
}
