import { isPluginError } from "@apeiro-cmk/plugin-interface"
import { type CheckResult, pluginError } from "@apeiro-cmk/plugin-sdk"
import type { TransitKey } from "../client.ts"
import { keyMismatch } from "../errors.ts"
import { keyDangers, keyNotes, readOrProve, throwAwayContext, unsuitable } from "../keys/key-facts.ts"
import type { Check } from "./connection-check.ts"

/** Logs in again, even with a token at hand. */
export const checkAuthentication: Check = async ({ place }, call) => {
  const lifeMs = await place.client.logIn(call)
  const facts = { auth_status: "authenticated" }
  const token = await place.client.lookUpToken(call)
  const life = lifeMs === undefined ? "has no known expiry" : `is valid for ${Math.round(lifeMs / 1000)} s`
  if (token !== "withheld" && token.remainingUses > 0) {
    return {
      outcome: "warned",
      message: `OpenBao accepted the credential, but the token allows only ${token.remainingUses} more requests.`,
      nextStep: "Set token_num_uses of the role to 0.",
      facts,
    }
  }
  return {
    outcome: "passed",
    message: `OpenBao accepted the credential (${place.client.loginMethod}); the token ${life}.`,
    facts,
  }
}

/** Reads the key, or proves it by a decrypt when the policy does not allow reading it. */
export const checkKeyAccess: Check = async ({ keystore, place }, call) => {
  const { keyId } = keystore.defaultKey
  const key = await readOrProve(place.transit, keyId, call)
  const refusal = key === undefined ? undefined : unsuitable(key)
  if (refusal !== undefined) throw refusal
  const { state, algorithm, latestVersion } = await keystore.describeKey(keystore.defaultKey, call)
  if (state === "DISABLED") {
    throw pluginError(
      "KEY_DISABLED",
      "The key is soft-deleted.",
      `Restore the key in OpenBao (\`bao write -f ${place.mountPath}/keys/${keyId}/soft-delete-restore\`), then test again.`,
    )
  }
  const facts = { transit_engine: "enabled", auto_rotate_period: rotationOf(key) }
  if (key === undefined) {
    return {
      outcome: "warned",
      message:
        "The key exists and decrypts, but its type and exportability are unknown, because the policy does not allow reading it.",
      nextStep: `Grant "read" on ${place.mountPath}/keys/${keyId}; the set-up material contains the policy.`,
      facts,
    }
  }
  const dangers = keyDangers(key)
  if (dangers.length > 0) {
    return {
      outcome: "warned",
      message: [...dangers, ...keyNotes(key)].join(" "),
      nextStep: "Check that this is intended; otherwise create another key.",
      facts,
    }
  }
  const seen = `The key exists, has type ${algorithm} and version ${latestVersion}, and is not exportable.`
  return { outcome: "passed", message: [seen, ...keyNotes(key)].join(" "), facts }
}

function rotationOf(key: TransitKey | undefined): number | "off" | "unknown" {
  if (key === undefined) return "unknown"
  return key.autoRotatePeriodSeconds === 0 ? "off" : key.autoRotatePeriodSeconds
}

/** Renews the token. A token that cannot be renewed is a warning, unless a login replaces it. */
export const checkTokenRenewal: Check = async ({ place }, call) => {
  try {
    const renewed = await place.client.renewToken(call)
    if (renewed === "not renewable") return await notRenewable()
    const life = renewed.lifeMs === undefined ? "without expiry" : `for ${Math.round(renewed.lifeMs / 1000)} s`
    return { outcome: "passed", message: `The token was renewed ${life}.` }
  } catch (error) {
    if (!(isPluginError(error) && error.code === "DENIED")) throw error
    return { outcome: "warned", message: error.message, nextStep: error.nextStep }
  }

  async function notRenewable(): Promise<CheckResult> {
    const token = await place.client.lookUpToken(call)
    const life = token === "withheld" || token.lifeMs === undefined ? undefined : Math.round(token.lifeMs / 1000)
    const end = life === undefined ? "its expiry is unknown" : `expires in ${life} s`
    if (place.client.loginMethod !== "token" && life !== undefined) {
      return { outcome: "passed", message: `The token is not renewable and ${end}; a login replaces it in time.` }
    }
    return {
      outcome: "warned",
      message: `The token is not renewable, and ${end}.`,
      nextStep:
        place.client.loginMethod === "token"
          ? "Use a periodic token or another auth method, so that a leaked token expires."
          : "Set token_ttl of the role, so that a leaked token expires.",
    }
  }
}

/**
 * Encrypts, decrypts and compares. Also makes sure that another context is refused, because a server that does not
 * support `associated_data` would ignore it.
 */
export const checkRoundTrip: Check = async ({ keystore, random }, call) => {
  const key = keystore.defaultKey
  const plaintext = random.bytes(32)
  const context = throwAwayContext(call, "connection-test")
  const { ciphertext, keyVersion } = await keystore.encrypt({ key, plaintext, context }, call)
  const decrypted = await keystore.decrypt({ key, ciphertext, keyVersion, context }, call)
  if (!Buffer.from(decrypted.plaintext).equals(plaintext)) throw keyMismatch()
  const otherContext = { ...context, keyVersion: 2 }
  try {
    await keystore.decrypt({ key, ciphertext, keyVersion, context: otherContext }, call)
  } catch (error) {
    if (!(isPluginError(error) && error.code === "CIPHERTEXT_REJECTED")) throw error
    return {
      outcome: "passed",
      message: "Random bytes were encrypted and decrypted, and another context was refused.",
      facts: { vault_version: "compatible" },
    }
  }
  throw pluginError(
    "KEY_UNSUITABLE",
    "The server ignores the context that binds a wrap (associated_data).",
    "Upgrade the server to OpenBao, or to Vault 1.12 or newer.",
  )
}
