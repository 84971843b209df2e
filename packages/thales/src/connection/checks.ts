import { type CallOptions, isPluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { Appliances } from "../appliances.ts"
import { mechanismNames } from "../token/mechanisms.ts"
import type { Check } from "./connection-check.ts"

const latencySamples = 10
const dayMs = 86_400_000
const expiryWarningDays = 30

/** Checks that something listens at the appliances' addresses. */
export const checkNetwork: Check = async ({ token, network }, call) => {
  if (network === undefined) return { outcome: "skipped", message: "The operator has not configured a port to check." }
  const { port, egress, tcp } = network
  const unreachable: string[] = []
  const addresses = token.states().map(({ address }) => address)
  for (const address of addresses) {
    await tcp.probe(address, port, egress, call).catch((error: unknown) => {
      if (call.signal.aborted) throw error
      unreachable.push(address)
    })
  }
  const shown = addresses.map((address) => `${address}:${port}`).join(", ")
  if (unreachable.length === 0) return { outcome: "passed", message: `Connections to ${shown} succeed.` }
  const message = `Cannot connect to port ${port} of ${unreachable.join(", ")}.`
  const nextStep = "Apply the network rules of the set-up material, and check allowedAddresses of the plugin."
  if (unreachable.length < addresses.length) return { outcome: "warned", message, nextStep }
  return { outcome: "failed", code: "UNREACHABLE", message, nextStep }
}

/** Checks the tenant's client certificate: that it belongs to its key, how long it is valid, and who issued it. */
export const checkClientCertificate: Check = async ({ checkClient, services: { clock } }, call) => {
  if (checkClient === undefined)
    return { outcome: "skipped", message: "The library connects as the operator has configured it." }
  const { validToMs, hasKnownIssuer } = await checkClient(call)
  const days = Math.floor((validToMs - clock.nowMs()) / dayMs)
  const message = `The certificate belongs to its key and is valid for ${days} more days.`
  if (days < expiryWarningDays) return { outcome: "warned", message, nextStep: "Register a new certificate soon." }
  if (hasKnownIssuer) return { outcome: "passed", message }
  const nextStep = "Add its issuer to ca_certificate, or make sure that the appliances trust it."
  return { outcome: "warned", message: `${message} Its issuer is not in ca_certificate.`, nextStep }
}

/** Finds the partition and logs in. */
export const checkPartition: Check = async ({ token, slotId, fipsLevel }, call) => {
  const { serialNumber, model, firmware, slotId: found, pinState } = await token.ask("facts", {}, call)
  const facts = {
    partition_status: "authenticated",
    hsm_serial_number: serialNumber,
    hsm_firmware: firmware,
    // No PKCS#11 call reports it.
    fips_level: fipsLevel === undefined ? "not_reported" : `asserted_by_operator: ${fipsLevel}`,
  }
  const message = `The partition was found (${model}, serial number ${serialNumber}) and accepted the PIN.`
  if (pinState !== "fine") {
    const nextStep = "Find out who uses wrong PINs."
    return { outcome: "warned", message: `${message} PIN: ${pinState}.`, nextStep, facts }
  }
  if (slotId !== undefined && String(slotId) !== found) {
    const nextStep = "Leave slot_id out: slots move, and the plugin finds the partition by its label."
    return { outcome: "warned", message: `${message} It is in slot ${found}, not in ${slotId}.`, nextStep, facts }
  }
  return { outcome: "passed", message, facts }
}

/** Reads the key's attributes. */
export const checkKeyAccess: Check = async ({ keystore }, call) => {
  const { warnings } = await keystore.describeKey(keystore.defaultKey, call)
  if (warnings.length === 0) return { outcome: "passed", message: "The key exists and never leaves the HSM." }
  return {
    outcome: "warned",
    message: warnings.join(" "),
    nextStep: "Generate the key with the commands of the set-up material.",
  }
}

/** Wraps once, to see which mechanism the token and the key permit. */
export const checkMechanism: Check = async ({ keystore, services: { random } }, call) => {
  const context = { tenantId: call.tenantId, keyId: "apeiro-cmk/mechanism", keyVersion: 1 }
  const request = { key: keystore.defaultKey, plaintext: random.bytes(32), context }
  const { ciphertext } = await keystore.encrypt(request, call)
  const name = mechanismNames[ciphertext[0] ?? 0] ?? "unknown"
  return { outcome: "passed", message: `The HSM wraps with ${name}.`, facts: { wrap_mechanism: name } }
}

/** Checks that every appliance holds the same versions of the key. */
export const checkAppliances: Check = async ({ token, keyLabel }, call) => {
  const checkValues = new Set<string>()
  for (const [index] of token.states().entries()) {
    const versions = await token.askOne(index, "describe", { keyLabel }, call)
    checkValues.add(versions.map(({ checkValue }) => checkValue).join(" "))
  }
  if (checkValues.size > 1) throw differentKeys()
  await crossDecrypt(token, keyLabel, call)
  const seen = token.states().map(({ address, state }) => `${address}:${state}`)
  const facts = { hsm_appliances: seen }
  const alone = seen.length > 1 ? " Each answers on its own: to revoke access, do so on every one." : ""
  return { outcome: "passed", message: `Every appliance holds the same key: ${seen.join(", ")}.${alone}`, facts }
}

/** Encrypts and decrypts random bytes. */
export const checkRoundTrip: Check = async ({ keystore }, call) => {
  await keystore.probe(call)
  return { outcome: "passed", message: "32 random bytes were encrypted and decrypted." }
}

/** Measures the median latency of ten operations. */
export const checkLatency: Check = async (
  { keystore, latencyLimits: { warnMs, failMs }, services: { clock } },
  call,
) => {
  const timesMs: number[] = []
  for (let sample = 0; sample < latencySamples; sample += 1) {
    const startedMs = clock.monotonicMs()
    await keystore.probe(call)
    timesMs.push((clock.monotonicMs() - startedMs) / 2)
  }
  const p50Ms = timesMs.toSorted((left, right) => left - right)[latencySamples / 2] ?? 0
  const message = `The median latency is ${p50Ms.toFixed(1)} ms (warning from ${warnMs} ms, failure from ${failMs} ms).`
  const nextStep = "Move the host closer to the HSM, or find out what else loads the HSM."
  const facts = { latency_ms: Math.round(p50Ms) }
  if (p50Ms >= failMs) return { outcome: "failed", code: "TIMED_OUT", message, nextStep, facts }
  return p50Ms >= warnMs ? { outcome: "warned", message, nextStep, facts } : { outcome: "passed", message, facts }
}

/** Checks that every appliance decrypts what the first one has encrypted. */
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
  const next = "Clone the key to each appliance, for example in an HA group: keys generated separately differ."
  return pluginError("KEY_MISMATCH", "The appliances hold different keys under this label.", next)
}
