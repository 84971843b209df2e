import {
  type CallOptions,
  type ConnectionStep,
  type EgressPolicy,
  isPluginError,
  type KeystoreV1,
  type PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { type ConnectionCheck, pluginError, runConnectionTest } from "@apeiro-cmk/plugin-sdk"
import type { Appliances } from "../appliances.ts"
import type { ClientCertificateFacts } from "../luna-client.ts"
import { mechanismNames } from "../token/mechanisms.ts"

/** What the steps of a connection test work with. */
export interface ConnectionTest {
  readonly token: Appliances
  readonly keystore: KeystoreV1
  readonly keyLabel: string
  readonly slotId: number | undefined
  /** What the operator says of the module; the token does not say it. */
  readonly fipsLevel: string | undefined
  /** How the appliances' port is looked at; absent where the operator has stated none. */
  readonly network:
    | { readonly port: number; readonly egress: EgressPolicy; readonly tcp: PluginServices["tcp"] }
    | undefined
  /** Looks at the tenant's client certificate; absent where the plugin hands none to the library. */
  readonly checkClient: ((call: CallOptions) => Promise<ClientCertificateFacts>) | undefined
  /** For half of ten operations, in milliseconds. */
  readonly latencyLimits: { readonly warnMs: number; readonly failMs: number }
  readonly services: Pick<PluginServices, "clock" | "random">
}

type Check = ConnectionCheck<ConnectionTest>

const latencySamples = 10
const dayMs = 86_400_000
const expiryWarningDays = 30

const checks: readonly (readonly [string, Check])[] = [
  [
    "network",
    async ({ token, network }, { signal }) => {
      if (network === undefined) return { outcome: "skipped", message: "The operator has stated no port to look at." }
      const { port, egress, tcp } = network
      const unreachable: string[] = []
      const addresses = token.states().map(({ address }) => address)
      for (const address of addresses) {
        await tcp.probe(address, port, egress, signal).catch((error: unknown) => {
          if (signal.aborted) throw error
          unreachable.push(address)
        })
      }
      const shown = addresses.map((address) => `${address}:${port}`).join(", ")
      if (unreachable.length === 0) return { outcome: "passed", message: `Somebody listens at ${shown}.` }
      const message = `Nobody can be reached at port ${port} of ${unreachable.join(", ")}.`
      const nextStep = "Let the network rules of the set-up material pass, and allowedAddresses of the plugin."
      if (unreachable.length < addresses.length) return { outcome: "warned", message, nextStep }
      return { outcome: "failed", code: "UNREACHABLE", message, nextStep }
    },
  ],
  [
    "client_certificate",
    async ({ checkClient, services: { clock } }, call) => {
      if (checkClient === undefined)
        return { outcome: "skipped", message: "The library connects as the operator has configured it." }
      const { validToMs, hasKnownIssuer } = await checkClient(call)
      const days = Math.floor((validToMs - clock.nowMs()) / dayMs)
      const message = `Certificate and key belong together; the certificate holds for ${days} more days.`
      if (days < expiryWarningDays) return { outcome: "warned", message, nextStep: "Register a new certificate soon." }
      if (hasKnownIssuer) return { outcome: "passed", message }
      const nextStep = "Add its issuer to ca_certificate, or see that the appliances know it."
      return { outcome: "warned", message: `${message} Its issuer is not in ca_certificate.`, nextStep }
    },
  ],
  [
    "partition",
    async ({ token, slotId, fipsLevel }, call) => {
      const { serialNumber, model, firmware, slotId: found, pinState } = await token.ask("facts", {}, call)
      const facts = {
        partition_status: "authenticated",
        hsm_serial_number: serialNumber,
        hsm_firmware: firmware,
        // No call of PKCS#11 tells it.
        fips_level: fipsLevel === undefined ? "not_reported" : `asserted_by_operator: ${fipsLevel}`,
      }
      const message = `The partition was found (${model}, serial number ${serialNumber}), and the PIN was accepted.`
      if (pinState !== "fine") {
        return {
          outcome: "warned",
          message: `${message} PIN: ${pinState}.`,
          nextStep: "See who uses wrong PINs.",
          facts,
        }
      }
      if (slotId !== undefined && String(slotId) !== found) {
        const nextStep = "Leave slot_id out: slots move, and the label is what counts."
        return { outcome: "warned", message: `${message} It is in slot ${found}, not in ${slotId}.`, nextStep, facts }
      }
      return { outcome: "passed", message, facts }
    },
  ],
  [
    "key_access",
    async ({ keystore }, call) => {
      const { warnings } = await keystore.describeKey(keystore.defaultKey, call)
      if (warnings.length === 0) return { outcome: "passed", message: "The key is there, and never leaves the HSM." }
      return { outcome: "warned", message: warnings.join(" "), nextStep: "Make the key as the set-up material shows." }
    },
  ],
  [
    "mechanism",
    async ({ keystore, services: { random } }, call) => {
      const context = { tenantId: call.tenantId, keyId: "apeiro-cmk/mechanism", keyVersion: 1 }
      const request = { key: keystore.defaultKey, plaintext: random.bytes(32), context }
      const { ciphertext } = await keystore.encrypt(request, call)
      const name = mechanismNames[ciphertext[0] ?? 0] ?? "unknown"
      return { outcome: "passed", message: `The HSM wraps by ${name}.`, facts: { wrap_mechanism: name } }
    },
  ],
  [
    "appliances",
    async ({ token, keyLabel }, call) => {
      const seen: string[] = []
      const checkValues = new Set<string>()
      for (const [index] of token.states().entries()) {
        const versions = await token.askOne(index, "describe", { keyLabel }, call)
        checkValues.add(versions.map(({ checkValue }) => checkValue).join(" "))
      }
      if (checkValues.size > 1) throw differentKeys()
      await crossDecrypt(token, keyLabel, call)
      for (const { address, state } of token.states()) seen.push(`${address}:${state}`)
      const facts = { hsm_appliances: seen }
      return { outcome: "passed", message: `Every appliance holds the same key: ${seen.join(", ")}.`, facts }
    },
  ],
  [
    "round_trip",
    async ({ keystore }, call) => {
      await keystore.probe(call)
      return { outcome: "passed", message: "32 random bytes were encrypted and came back." }
    },
  ],
  [
    "latency",
    async ({ keystore, latencyLimits: { warnMs, failMs }, services: { clock } }, call) => {
      const timesMs: number[] = []
      for (let sample = 0; sample < latencySamples; sample += 1) {
        const startedMs = clock.monotonicMs()
        await keystore.probe(call)
        timesMs.push((clock.monotonicMs() - startedMs) / 2)
      }
      const p50Ms = timesMs.toSorted((left, right) => left - right)[latencySamples / 2] ?? 0
      const message = `Half of the operations took at most ${p50Ms.toFixed(1)} ms (warned at ${warnMs}, refused at ${failMs}).`
      const nextStep = "Bring the host nearer to the HSM, or see what else loads it."
      const facts = { latency_ms: Math.round(p50Ms) }
      if (p50Ms >= failMs) return { outcome: "failed", code: "TIMED_OUT", message, nextStep, facts }
      return p50Ms >= warnMs ? { outcome: "warned", message, nextStep, facts } : { outcome: "passed", message, facts }
    },
  ],
]

/** What one appliance has encrypted every other must open. */
async function crossDecrypt(token: Appliances, keyLabel: string, call: CallOptions): Promise<void> {
  const plaintext = new TextEncoder().encode("apeiro-cmk")
  const request = { keyLabel, associatedData: plaintext }
  const { ciphertext, version } = await token.askOne(0, "encrypt", { ...request, plaintext }, call)
  for (const [index] of token.states().entries()) {
    const opened = await token
      .askOne(index, "decrypt", { ...request, version, ciphertext }, call)
      .catch((error: unknown) => {
        throw isPluginError(error) && error.code === "CIPHERTEXT_REJECTED" ? differentKeys() : error
      })
    if (!Buffer.from(opened.plaintext).equals(plaintext)) throw differentKeys()
  }
}

function differentKeys() {
  const next = "Clone the key to each appliance, e.g. in an HA group: keys that are made apart are different keys."
  return pluginError("KEY_MISMATCH", "The appliances hold different keys under this label.", next)
}

// Eight shares stay below the 30 s that a whole test may take.
const stepTimeoutMs = 3_600

/** Runs the named steps one after the other; whatever fails ends the test. */
export function testConnection(test: ConnectionTest, call: CallOptions): AsyncIterable<ConnectionStep> {
  return runConnectionTest({ checks, test, stepTimeoutMs, clock: test.services.clock }, call)
}
