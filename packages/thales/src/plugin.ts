import { fileURLToPath } from "node:url"
import type { KeystorePluginV1, PluginServices, TenantFiles } from "@apeiro-cmk/plugin-interface"
import {
  configurationError,
  definePlugin,
  fileSecret,
  OpenKeystores,
  readText,
  requireConfiguration,
  type SecretSource,
} from "@apeiro-cmk/plugin-sdk"
import { createAppliances } from "./appliances.ts"
import { createSupervisedToken } from "./client.ts"
import {
  type KeystoreConfiguration,
  keystoreConfiguration,
  type PluginConfiguration,
  pluginConfiguration,
  setupConfiguration,
} from "./config.ts"
import { createKeystore, unsupportedReasons } from "./keystore.ts"
import { checkLunaClient, type LunaClientFiles, prepareLunaClient } from "./luna-client.ts"
import { RefusedPins } from "./refused-pins.ts"
import { setupMaterial } from "./setup-material.ts"
import { upstreamHooks } from "./upstream.ts"

/** Keys in a partition of a Thales Luna HSM, or in another PKCS#11 token, as L1 keys. */
export const plugin = definePlugin({
  manifest: {
    name: "thales",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "thales_luna",
    displayName: "Thales Luna Network HSM",
    description: "Wraps with keys in a partition of a Thales Luna HSM, by PKCS#11.",
    capabilities: ["listKeyVersions", "createKey", "rotateKey", "deleteKey"],
    unsupported: unsupportedReasons,
    activationFacts: {
      partition_status: { description: "`authenticated` when the partition was found and accepted the PIN." },
      hsm_serial_number: { description: "Serial number of the partition, as it states it." },
      fips_level: { description: "`not_reported`, or `asserted_by_operator` with what the operator has configured." },
      hsm_firmware: { description: "Firmware of the HSM, as it states it." },
      hsm_appliances: { description: "Each appliance with `online`, `standby` or `failed`, as they were seen." },
      wrap_mechanism: { description: "How the HSM wraps under this key, as it was seen." },
      latency_ms: { description: "Half of ten operations took at most so long, in milliseconds." },
    },
    identityFields: ["partition_label", "serial_numbers", "key_label", "module"],
    productionReady: true,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: createThalesPlugin,
})

/** Network Trust Link Service of Luna appliances. */
const ntlsPort = 1792

function clientFilesOf(configuration: LunaClientFilesGiven): LunaClientFiles | undefined {
  const { client_certificate, client_private_key, ca_certificate } = configuration
  if (client_certificate === undefined || client_private_key === undefined || ca_certificate === undefined)
    return undefined
  return { client_certificate, client_private_key, ca_certificate }
}

type LunaClientFilesGiven = { readonly [field in keyof LunaClientFiles]?: string | undefined }

/** Read at each login: a file may have another one by then. */
function pinSource({ pin, pin_path: path }: KeystoreConfiguration, files: TenantFiles): SecretSource {
  if (pin !== undefined) return ({ signal }) => pin.read(signal)
  if (path === undefined) throw configurationError([{ path: ["pin"], message: "is missing" }])
  const inFile = fileSecret(files, path, "pin_path")
  return async (call) => Buffer.from(await readText(inFile, "PIN", call))
}

/** The module of a token's process: this one's neighbour, or the bundled executable itself. */
function processEntry(): string {
  const isBundled = import.meta.url.endsWith("/serve.mjs")
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js"
  return fileURLToPath(isBundled ? import.meta.url : new URL(`./run-token-process.${extension}`, import.meta.url))
}

function createThalesPlugin(settings: PluginConfiguration, services: PluginServices): KeystorePluginV1 {
  const {
    allowedEndpoints,
    allowedAddresses,
    modules,
    sessions,
    heartbeatMs,
    silenceMs,
    tryTimeoutMs,
    recoveryMs,
    keepAliveMs,
  } = settings
  const { clock, files, logger } = services
  const egress = { allowedEndpoints, allowedAddresses }
  const refusedPins = new RefusedPins(services.random.bytes(32))
  const keystores = new OpenKeystores()
  return {
    start: async (signal) => keystores.start(signal),
    stop: () => keystores.stop(),
    async openKeystore(input, { tenantId }) {
      keystores.requireRunning()
      const configuration = requireConfiguration(keystoreConfiguration, input)
      const library = modules[configuration.module]
      if (library === undefined) {
        throw configurationError([
          { path: ["module"], message: "is none that the operator has configured", allowed: Object.keys(modules) },
        ])
      }
      const {
        partition_label: label,
        serial_numbers: serialNumbers,
        hsm_ip_addresses: addresses,
        key_label: keyLabel,
        slot_id: slotId,
      } = configuration
      const pin = pinSource(configuration, files)
      const paths = library.clientConfiguration === "chrystoki" ? clientFilesOf(configuration) : undefined
      const source = paths === undefined ? undefined : () => ({ paths, files, nowMs: clock.nowMs() })
      const port = library.port ?? ntlsPort
      const prepare = async (signal: AbortSignal) =>
        source === undefined
          ? undefined
          : prepareLunaClient({ ...source(), library: library.library, addresses, port }, { tenantId, signal })
      // Without serial numbers there is one partition to be found, by its label.
      const partitions = serialNumbers.length === 0 ? [[]] : serialNumbers.map((serial) => [serial])
      const appliances = partitions.map((serials, index) => ({
        address: addresses[index] ?? "",
        token: createSupervisedToken({
          settings: { module: library.library, label, serialNumbers: serials, sessions },
          environment: library.environment,
          pin: (signal) => pin({ tenantId, signal }),
          ...{ prepare, refusedPins, entry: processEntry(), heartbeatMs, silenceMs, clock, logger },
        }),
      }))
      const token = createAppliances({ appliances, keyLabel, tryTimeoutMs, recoveryMs, keepAliveMs, clock, logger })
      return keystores.hold((onClose) =>
        createKeystore({
          token,
          keyLabel,
          slotId,
          serialNumbers,
          fipsLevel: library.fipsLevel,
          network: library.port === undefined ? undefined : { port: library.port, egress, tcp: services.tcp },
          checkClient: source === undefined ? undefined : (call) => checkLunaClient(source(), call),
          latencyLimits: { warnMs: settings.latencyWarnMs, failMs: settings.latencyFailMs },
          services,
          onClose,
        }),
      )
    },
    setupMaterial: async (input) => setupMaterial(requireConfiguration(setupConfiguration, input)),
    upstream: upstreamHooks,
  }
}
