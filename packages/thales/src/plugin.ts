import { isIPv6 } from "node:net"
import { fileURLToPath } from "node:url"
import type {
  CallOptions,
  KeystoreConfigurationInput,
  KeystorePluginV1,
  KeystoreV1,
  PluginServices,
  SetupDocument,
} from "@apeiro-cmk/plugin-interface"
import { configurationError, definePlugin, OpenKeystores, requireConfiguration } from "@apeiro-cmk/plugin-sdk"
import { type Appliance, Appliances } from "./appliances.ts"
import { SupervisedToken } from "./client.ts"
import {
  type KeystoreConfiguration,
  keystoreConfiguration,
  type ModuleSettings,
  type PluginConfiguration,
  pluginConfiguration,
  setupConfiguration,
} from "./config.ts"
import { ThalesKeystore, unsupportedReasons } from "./keystore.ts"
import { clientFilesOf, pinSource, requireAllowedAppliances } from "./session/login.ts"
import { LoginPin } from "./session/login-pin.ts"
import { checkLunaClient, type LunaClientSource, prepareLunaClient } from "./session/luna-client.ts"
import { removeAbandonedFolders } from "./session/owned-folder.ts"
import { RefusedPins } from "./session/refused-pins.ts"
import { setupMaterial } from "./setup-material.ts"
import { SharedTokens } from "./shared-tokens.ts"
import { upstreamHooks } from "./upstream.ts"

/** Wraps with keys in a partition of a Thales Luna HSM, or of another PKCS#11 token, as L1 keys. */
export const plugin = definePlugin({
  manifest: {
    name: "thales",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "thales_luna",
    displayName: "Thales Luna Network HSM",
    description: "Wraps with keys in a partition of a Thales Luna HSM, through PKCS#11.",
    capabilities: ["listKeyVersions", "createKey", "rotateKey", "deleteKey"],
    unsupported: unsupportedReasons,
    activationFacts: {
      partition_status: { description: "`authenticated` when the partition was found and accepted the PIN." },
      hsm_serial_number: { description: "Serial number that the partition reports." },
      fips_level: { description: "`not_reported`, or `asserted_by_operator` with the level the operator configured." },
      hsm_firmware: { description: "Firmware version that the HSM reports." },
      hsm_appliances: {
        description: "Each appliance with the state in which it was found: `online`, `standby` or `failed`.",
      },
      wrap_mechanism: { description: "Mechanism by which the HSM wraps under this key, as observed." },
      latency_ms: { description: "Median latency of ten operations, in milliseconds." },
    },
    identityFields: ["partition_label", "serial_numbers", "key_label", "module"],
    productionReady: true,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: (settings, services) => new ThalesPlugin(settings, services),
})

/** Network Trust Link Service of Luna appliances. */
const ntlsPort = 1792

/** A function that names the tenant's client files, with the time at which their certificates must be valid. */
type ClientSource = (() => LunaClientSource) | undefined

class ThalesPlugin implements KeystorePluginV1 {
  readonly upstream = upstreamHooks
  readonly #settings: PluginConfiguration
  readonly #services: PluginServices
  readonly #refusedPins: RefusedPins
  readonly #tokens = new SharedTokens()
  readonly #keystores = new OpenKeystores()

  constructor(settings: PluginConfiguration, services: PluginServices) {
    this.#settings = settings
    this.#services = services
    this.#refusedPins = new RefusedPins(services.random.bytes(32))
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#keystores.start(signal)
    await removeAbandonedFolders()
  }

  async stop(): Promise<void> {
    await this.#keystores.stop()
  }

  async openKeystore(input: KeystoreConfigurationInput, call: CallOptions): Promise<KeystoreV1> {
    this.#keystores.requireRunning()
    const configuration = requireConfiguration(keystoreConfiguration, input)
    const module = this.#moduleOf(configuration)
    const source = this.#clientSource(configuration, module)
    const loginName = await this.#loginName(configuration, call)
    this.#keystores.requireRunning()
    const appliances = this.#appliances(configuration, module, source, { tenantId: call.tenantId, loginName })
    const { allowedEndpoints, allowedAddresses, latencyWarnMs, latencyFailMs } = this.#settings
    const egress = { allowedEndpoints, allowedAddresses }
    const services = this.#services
    return this.#keystores.hold(
      (onClose) =>
        new ThalesKeystore({
          token: appliances,
          keyLabel: configuration.key_label,
          slotId: configuration.slot_id,
          serialNumbers: configuration.serial_numbers,
          fipsLevel: module.fipsLevel,
          network: module.port === undefined ? undefined : { port: module.port, egress, tcp: services.tcp },
          checkClient: source === undefined ? undefined : (call) => checkLunaClient(source(), call),
          latencyLimits: { warnMs: latencyWarnMs, failMs: latencyFailMs },
          services,
          onClose,
        }),
    )
  }

  async setupMaterial(input: KeystoreConfigurationInput): Promise<readonly SetupDocument[]> {
    return setupMaterial(requireConfiguration(setupConfiguration, input))
  }

  #moduleOf({ module }: KeystoreConfiguration): ModuleSettings {
    const { modules } = this.#settings
    const found = modules[module]
    if (found !== undefined) return found
    const message = "must be a module that the operator has configured"
    throw configurationError([{ path: ["module"], message, allowed: Object.keys(modules) }])
  }

  /** Names everything that a login depends on, so that keystores share it which differ in the label of the key alone. */
  async #loginName({ key_label: _, pin, ...same }: KeystoreConfiguration, call: CallOptions): Promise<string> {
    const bytes = await pin?.read(call.signal)
    const hash = bytes === undefined ? "" : this.#refusedPins.hashOf(bytes)
    bytes?.fill(0)
    return JSON.stringify([call.tenantId, hash, same])
  }

  #clientSource(configuration: KeystoreConfiguration, { clientConfiguration }: ModuleSettings): ClientSource {
    // Without it the addresses only label the appliances in answers.
    if (clientConfiguration !== "chrystoki") return undefined
    const paths = clientFilesOf(configuration)
    requireAllowedAppliances(configuration.hsm_ip_addresses, this.#settings)
    const { clock, files } = this.#services
    return () => ({ paths, files, nowMs: clock.nowMs() })
  }

  #appliances(
    configuration: KeystoreConfiguration,
    { library, environment, port = ntlsPort, clientConfiguration }: ModuleSettings,
    source: ClientSource,
    { tenantId, loginName }: { readonly tenantId: string; readonly loginName: string },
  ): Appliances {
    const { hsm_ip_addresses: addresses, serial_numbers: serials, partition_label: label } = configuration
    const { clock, files, logger } = this.#services
    const { sessions, heartbeatMs, silenceMs, tryTimeoutMs, recoveryMs, keepAliveMs, allowedEndpoints } = this.#settings
    const origins = addresses.map((address) => `https://${isIPv6(address) ? `[${address}]` : address}:${port}`)
    // A library that the operator has configured connects to the operator's appliances, whatever the tenant enters.
    const servers = clientConfiguration === "chrystoki" ? origins : []
    const readPin = pinSource(configuration, files, { servers, allowedEndpoints })
    const prepare = async (signal: AbortSignal) =>
      source === undefined
        ? undefined
        : prepareLunaClient({ ...source(), library, addresses, port }, { tenantId, signal })
    // Without serial numbers there is one partition, found by its label.
    const partitions = serials.length === 0 ? [[]] : serials.map((serial) => [serial])
    const appliances = partitions.map((serialNumbers, index): Appliance => {
      const settings = { module: library, label, serialNumbers, sessions }
      const start = () => {
        const pin = new LoginPin(tenantId, (signal) => readPin({ tenantId, signal }), this.#refusedPins)
        const entry = processEntry()
        const options = { settings, environment, pin, prepare, entry, heartbeatMs, silenceMs, clock, logger }
        return new SupervisedToken(options)
      }
      return { address: addresses[index] ?? "", token: this.#tokens.borrow(`${loginName}/${index}`, start) }
    })
    const keyLabel = configuration.key_label
    return new Appliances({ appliances, keyLabel, tryTimeoutMs, recoveryMs, keepAliveMs, clock, logger })
  }
}

/** Returns the path of the module that a token's process runs: next to this one, or the bundled executable itself. */
function processEntry(): string {
  const isBundled = import.meta.url.endsWith("/serve.mjs")
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js"
  return fileURLToPath(isBundled ? import.meta.url : new URL(`./run-token-process.${extension}`, import.meta.url))
}
