import type {
  CallOptions,
  ConnectionStep,
  CreateKeyRequest,
  DecryptRequest,
  EncryptRequest,
  ImportKeyMaterialRequest,
  KeyRef,
  KeystoreConfigurationInput,
  KeystorePluginV1,
  KeystoreV1,
} from "@apeiro-cmk/plugin-interface"

/** A keystore that is opened again when another process has replaced the one that had it. */
export class SurvivingKeystore implements KeystoreV1 {
  readonly defaultKey: KeyRef
  readonly #configuration: KeystoreConfigurationInput
  /** Returns the plugin in the process that runs now. */
  readonly #presentPlugin: (call: CallOptions) => Promise<KeystorePluginV1>
  #owner: KeystorePluginV1 | undefined
  #keystore: Promise<KeystoreV1>
  #isClosed = false

  constructor(
    configuration: KeystoreConfigurationInput,
    presentPlugin: (call: CallOptions) => Promise<KeystorePluginV1>,
    owner: KeystorePluginV1,
    opened: KeystoreV1,
  ) {
    this.defaultKey = opened.defaultKey
    this.#configuration = configuration
    this.#presentPlugin = presentPlugin
    this.#owner = owner
    this.#keystore = Promise.resolve(opened)
  }

  async encrypt(request: EncryptRequest, call: CallOptions) {
    return (await this.#present(call)).encrypt(request, call)
  }

  async decrypt(request: DecryptRequest, call: CallOptions) {
    return (await this.#present(call)).decrypt(request, call)
  }

  async describeKey(key: KeyRef, call: CallOptions) {
    return (await this.#present(call)).describeKey(key, call)
  }

  async listKeyVersions(key: KeyRef, call: CallOptions) {
    return (await this.#present(call)).listKeyVersions(key, call)
  }

  async createKey(request: CreateKeyRequest, call: CallOptions) {
    return (await this.#present(call)).createKey(request, call)
  }

  async enableKey(key: KeyRef, call: CallOptions) {
    return (await this.#present(call)).enableKey(key, call)
  }

  async disableKey(key: KeyRef, call: CallOptions) {
    return (await this.#present(call)).disableKey(key, call)
  }

  async rotateKey(key: KeyRef, call: CallOptions) {
    return (await this.#present(call)).rotateKey(key, call)
  }

  async deleteKey(key: KeyRef, call: CallOptions) {
    return (await this.#present(call)).deleteKey(key, call)
  }

  async getImportParameters(key: KeyRef, call: CallOptions) {
    return (await this.#present(call)).getImportParameters(key, call)
  }

  async importKeyMaterial(request: ImportKeyMaterialRequest, call: CallOptions) {
    return (await this.#present(call)).importKeyMaterial(request, call)
  }

  async *testConnection(call: CallOptions): AsyncGenerator<ConnectionStep> {
    yield* (await this.#present(call)).testConnection(call)
  }

  async probe(call: CallOptions) {
    return (await this.#present(call)).probe(call)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const last = await this.#keystore.catch(() => undefined)
    await last?.close()
  }

  async #present(call: CallOptions): Promise<KeystoreV1> {
    const plugin = await this.#presentPlugin(call)
    if (plugin === this.#owner || this.#isClosed) return this.#keystore
    this.#owner = plugin
    const opening = plugin.openKeystore(this.#configuration, call)
    this.#keystore = opening
    // The next call tries again to open one that did not open.
    opening.catch(() => {
      if (this.#owner === plugin) this.#owner = undefined
    })
    return opening
  }
}
