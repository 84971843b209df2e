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

/** A session that was opened for this test: what is in hand proves nothing. */
export const checkAuthentication: Check = async ({ sessions }, call) => {
  const { expiresAtMs } = await sessions.openNow(call)
  const message = `A session was opened, until ${new Date(expiresAtMs).toISOString()}; no static key was used.`
  return { outcome: "passed", message, facts: { iam_role: "assumed" } }
}

/** AWS refuses what is signed more than five minutes off. */
export const checkClock: Check = async ({ lastAnswer }) => {
  const last = lastAnswer()
  const dateMs = Date.parse(last?.answer.headers.date ?? "")
  if (last === undefined || Number.isNaN(dateMs)) return { outcome: "skipped", message: "AWS stated no date." }
  const skewMs = Math.abs(dateMs - last.receivedAtMs)
  const seconds = Math.floor(skewMs / 1000)
  const message = `The clocks of this host and of AWS are ${seconds} s apart.`
  const nextStep = "Set the clock of this host by NTP."
  if (skewMs >= failSkewMs) return { outcome: "failed", code: "CREDENTIAL_REJECTED", message, nextStep }
  return skewMs >= warnSkewMs ? { outcome: "warned", message, nextStep } : { outcome: "passed", message }
}

/** State, usage and kind of the key. */
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
  const message = `The key is enabled, symmetric, and never leaves AWS KMS.`
  if (warnings.length === 0) return { outcome: "passed", message, facts }
  return { outcome: "warned", message: `${message} ${warnings.join(" ")}`, nextStep: "See that this is meant.", facts }
}

/** Whether the role may encrypt, asked without encrypting (`DryRun`). */
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

/** A real round trip, and a decrypt under another context, which must be refused. */
export const checkRoundTrip: Check = async (test, call) => {
  const { kms, keyId, services } = test
  const key = { keyId }
  const context = throwAwayContext(call, purpose)
  const plaintext = services.random.bytes(32)
  // Encrypting opens the wrap once, and so needs both rights.
  const sealed = await withPolicyLine("kms:Decrypt", () => encrypt(kms, { key, plaintext, context }, call))
  const opened = await decrypt(kms, { key, ...sealed, context }, call)
  if (!Buffer.from(opened.plaintext).equals(plaintext)) throw mismatch()
  await expectContextEnforced(test, sealed, call)
  return {
    outcome: "passed",
    message: "32 random bytes were encrypted and came back, and only under their own context.",
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

/** Whether KMS rotates the key by itself. */
export const checkRotation: Check = async ({ kms, keyId }, call) => {
  try {
    const status = await kms.send(call, (client, { GetKeyRotationStatusCommand }, abortSignal) =>
      client.send(new GetKeyRotationStatusCommand({ KeyId: keyId }), { abortSignal }),
    )
    const { KeyRotationEnabled: isOn = false, RotationPeriodInDays: days = 365 } = status
    const message = isOn ? `AWS KMS rotates the key every ${days} days.` : "The key is rotated on demand alone."
    return { outcome: "passed", message, facts: { key_rotation: isOn ? `every ${days} days` : "on demand" } }
  } catch (error) {
    if (!isPluginError(error) || !["DENIED", "KEY_UNSUITABLE", "INVALID_REQUEST"].includes(error.code)) throw error
    const nextStep = "Give the role kms:GetKeyRotationStatus on the key to see it."
    return {
      outcome: "warned",
      message: "Whether the key is rotated stays unknown.",
      nextStep,
      facts: { key_rotation: "unknown" },
    }
  }
}

/** An `AccessDenied` does not help before it names what is missing. */
async function withPolicyLine<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isPluginError(error) || error.code !== "DENIED") throw error
    const next = `Add "${action}" to the role's policy: the set-up material has the statement, with its condition on kms:EncryptionContext:tenant.`
    throw pluginError("DENIED", `The role may not call ${action} on this key for this tenant.`, next, { cause: error })
  }
}

/** KMS says by an error that it would have done it; an answer means the same. */
function expectDryRun(error: unknown): void {
  if (nameOf(error) !== "DryRunOperationException") throw kmsError(error)
}

function notEnabled(state: string) {
  const codes = { DISABLED: "KEY_DISABLED", PENDING_DELETION: "KEY_PENDING_DELETION" } as const
  const code = state === "DISABLED" || state === "PENDING_DELETION" ? codes[state] : "KEY_UNSUITABLE"
  return pluginError(code, `The state of the key is ${state}.`, "Enable the key, or use another one.")
}
