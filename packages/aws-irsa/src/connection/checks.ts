import { type CallOptions, isPluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { kmsContext, throwAwayContext } from "../encryption-context.ts"
import { decrypt, encrypt, mismatch } from "../envelope.ts"
import { kmsError, nameOf } from "../errors.ts"
import { descriptionOf, unsuitable } from "../keys/key-facts.ts"
import type { Check, ConnectionTest } from "./connection-check.ts"

const purpose = "connection-test"
const warnSkewMs = 60_000
const failSkewMs = 300_000

/** Opens a session for this test, because an existing session proves nothing. */
export const checkAuthentication: Check = async ({ sessions }, call) => {
  const { expiresAtMs } = await sessions.openNow(call)
  const message = `AWS opened a session until ${new Date(expiresAtMs).toISOString()}, without a static key.`
  return { outcome: "passed", message, facts: { iam_role: "assumed" } }
}

/** Compares the clocks: AWS refuses signatures that are more than five minutes off. */
export const checkClock: Check = async ({ lastAnswer }) => {
  const last = lastAnswer()
  const dateMs = Date.parse(last?.answer.headers.date ?? "")
  if (last === undefined || Number.isNaN(dateMs))
    return { outcome: "skipped", message: "The answers of AWS have no date." }
  const skewMs = Math.abs(dateMs - last.receivedAtMs)
  const seconds = Math.floor(skewMs / 1000)
  const message = `The clocks of this host and AWS differ by ${seconds} s.`
  const nextStep = "Set the clock of this host by NTP."
  if (skewMs >= failSkewMs) return { outcome: "failed", code: "CREDENTIAL_REJECTED", message, nextStep }
  return skewMs >= warnSkewMs ? { outcome: "warned", message, nextStep } : { outcome: "passed", message }
}

/** Checks state, usage and spec of the key. */
export const checkKey: Check = async ({ kms, keyId, region }, call) => {
  const { KeyMetadata: metadata } = await withPolicyLine("kms:DescribeKey", () =>
    kms.send(call, (client, { DescribeKeyCommand }, abortSignal) =>
      client.send(new DescribeKeyCommand({ KeyId: keyId }), { abortSignal }),
    ),
  )
  const refusal = metadata === undefined ? undefined : unsuitable(metadata)
  if (refusal !== undefined) throw refusal
  const { state, warnings } = descriptionOf(keyId, metadata)
  if (state !== "ENABLED") throw notEnabled(state)
  const facts = {
    key_region: region,
    key_manager: metadata?.KeyManager ?? "unknown",
    key_origin: metadata?.Origin ?? "unknown",
  }
  const message = "The key is enabled and symmetric, and never leaves AWS KMS."
  if (warnings.length === 0) return { outcome: "passed", message, facts }
  return {
    outcome: "warned",
    message: `${message} ${warnings.join(" ")}`,
    nextStep: "Check that this is intended.",
    facts,
  }
}

/** Checks that the role may encrypt, without encrypting (`DryRun`). */
export const checkPermissions: Check = async ({ kms, keyId }, call) => {
  const EncryptionContext = kmsContext(throwAwayContext(call, purpose))
  await withPolicyLine("kms:Encrypt", () =>
    kms.send(call, async (client, { EncryptCommand }, abortSignal) => {
      const input = { KeyId: keyId, Plaintext: new Uint8Array(32), EncryptionContext, DryRun: true }
      await client.send(new EncryptCommand(input), { abortSignal }).catch(expectDryRun)
    }),
  )
  return { outcome: "passed", message: "The role may encrypt for this tenant." }
}

/** Makes a real round trip, and a decrypt under another context, which KMS must refuse. */
export const checkRoundTrip: Check = async (test, call) => {
  const { kms, keyId, services } = test
  const key = { keyId }
  const context = throwAwayContext(call, purpose)
  const plaintext = services.random.bytes(32)
  // Encrypting also decrypts once, and so needs both permissions.
  const sealed = await withPolicyLine("kms:Decrypt", () => encrypt(kms, { key, plaintext, context }, call))
  const opened = await decrypt(kms, { key, ...sealed, context }, call)
  if (!Buffer.from(opened.plaintext).equals(plaintext)) throw mismatch()
  await expectContextEnforced(test, sealed, call)
  return {
    outcome: "passed",
    message: "32 random bytes were encrypted and decrypted, and another context was refused.",
    facts: { encryption_context: "enforced" },
  }
}

async function expectContextEnforced(
  { kms, keyId }: ConnectionTest,
  sealed: { readonly ciphertext: Uint8Array; readonly keyVersion: string },
  call: CallOptions,
): Promise<void> {
  const context = throwAwayContext(call, `${purpose}-of-another`)
  const refusal = await decrypt(kms, { key: { keyId }, ...sealed, context }, call).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (refusal === undefined) throw mismatch()
  if (!(isPluginError(refusal) && refusal.code === "CIPHERTEXT_REJECTED")) throw refusal
}

/** Checks whether KMS rotates the key automatically. */
export const checkRotation: Check = async ({ kms, keyId }, call) => {
  try {
    const status = await kms.send(call, (client, { GetKeyRotationStatusCommand }, abortSignal) =>
      client.send(new GetKeyRotationStatusCommand({ KeyId: keyId }), { abortSignal }),
    )
    const { KeyRotationEnabled: isOn = false, RotationPeriodInDays: days = 365 } = status
    const message = isOn ? `AWS KMS rotates the key every ${days} days.` : "AWS KMS rotates the key only on demand."
    return { outcome: "passed", message, facts: { key_rotation: isOn ? `every ${days} days` : "on demand" } }
  } catch (error) {
    if (!isPluginError(error) || !["DENIED", "KEY_UNSUITABLE", "INVALID_REQUEST"].includes(error.code)) throw error
    const nextStep = "Grant the role kms:GetKeyRotationStatus on the key to see it."
    return {
      outcome: "warned",
      message: "It is unknown whether AWS KMS rotates the key.",
      nextStep,
      facts: { key_rotation: "unknown" },
    }
  }
}

/** Names the missing permission in a denial, which AWS does not. */
async function withPolicyLine<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isPluginError(error) || error.code !== "DENIED") throw error
    const next = `Add "${action}" to the role's policy; the set-up material contains the statement with its condition on kms:EncryptionContext:tenant.`
    throw pluginError("DENIED", `The role may not call ${action} on this key for this tenant.`, next, { cause: error })
  }
}

/** KMS reports by an error that the request would have succeeded; an answer means the same. */
function expectDryRun(error: unknown): void {
  if (nameOf(error) !== "DryRunOperationException") throw kmsError(error)
}

function notEnabled(state: string) {
  const codes = { DISABLED: "KEY_DISABLED", PENDING_DELETION: "KEY_PENDING_DELETION" } as const
  const code = state === "DISABLED" || state === "PENDING_DELETION" ? codes[state] : "KEY_UNSUITABLE"
  return pluginError(code, `The state of the key is ${state}.`, "Enable the key, or use another one.")
}
