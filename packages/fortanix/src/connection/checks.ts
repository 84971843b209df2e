import type { CallOptions, Clock } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { dsmError, hasCode } from "../errors.ts"
import { keyWarnings, requireSuitable, stateError, throwAwayContext } from "../keys/key-facts.ts"
import type { Check } from "./connection-check.ts"

/** Checks TLS and the server, without a credential. The FIPS level is DSM's own statement. */
export const checkConnectivity: Check = async ({ client }, call) => {
  const { version, serverMode, fipsLevel } = await client.version(call)
  const fips = fipsLevel === undefined ? "reports no FIPS level" : `reports FIPS 140 level ${fipsLevel}`
  return {
    outcome: "passed",
    message: `DSM ${version} answers (${serverMode ?? "mode not reported"}) and ${fips}.`,
    facts: {
      hsm_connectivity: "connected",
      fips_compliance: fipsLevel === undefined ? "not_reported" : `level_${fipsLevel}_stated_by_server`,
      dsm_version: version,
    },
  }
}

/** Logs in again, even when there is a session. */
export const checkAuthentication: Check = async ({ client }, call) => {
  const idleMs = await client.logIn(call)
  const message = `DSM accepted the credential (${client.loginMethod}); the session expires after ${Math.round(idleMs / 1000)} s without use.`
  return { outcome: "passed", message, facts: { auth_status: "authenticated" } }
}

/** Checks the app's permissions in the group, as DSM shows them. */
export const checkPermissions: Check = async ({ account, keys }, call) => {
  const granted = await account.permissions(await keys.groupId(call), call)
  if (granted === "withheld") {
    return {
      outcome: "warned",
      message: "The app is in the group, but DSM does not show its permissions.",
      nextStep: "Make sure in DSM that they are only ENCRYPT and DECRYPT: EXPORT must not be among them.",
      facts: { app_permissions: "unverified" },
    }
  }
  if (granted.includes("EXPORT")) throw dsmError("exportPermission")
  const missing = ["ENCRYPT", "DECRYPT"].filter((permission) => !granted.includes(permission))
  if (missing.length > 0) {
    throw pluginError(
      "DENIED",
      `The app lacks ${missing.join(" and ")} in the group.`,
      "Grant the app ENCRYPT and DECRYPT in the group: the set-up material has the permissions.",
    )
  }
  const facts = { app_permissions: "verified" }
  const unneeded = granted.filter((permission) => !["ENCRYPT", "DECRYPT", "MANAGE"].includes(permission))
  if (unneeded.length === 0)
    return { outcome: "passed", message: `The app may ${granted.join(", ")} in the group.`, facts }
  const derivation = unneeded.includes("DERIVEKEY")
    ? " Tenant keys are wrapped, not derived: DERIVEKEY is not used."
    : ""
  return {
    outcome: "warned",
    message: `The app has permissions that the platform does not need: ${unneeded.join(", ")}.${derivation}`,
    nextStep: "Remove them from the app in DSM.",
    facts,
  }
}

/** Checks the key's state, operations and exportability. */
export const checkKeyAccess: Check = async ({ keystore, keys }, call) => {
  const key = await keys.find(keystore.defaultKey.keyId, call)
  if (key === undefined) throw dsmError("keyMissing")
  requireSuitable(key)
  const byState = stateError(key)
  if (byState !== undefined) throw byState
  const warnings = keyWarnings(key)
  const seen = `The key exists, is ${key.state}, of type ${key.type} with ${key.bits} bits, and is not exportable.`
  if (warnings.length === 0) return { outcome: "passed", message: seen }
  return {
    outcome: "warned",
    message: [seen, ...warnings].join(" "),
    nextStep: "If this is not intended, create another key as the set-up material shows.",
  }
}

/** Encrypts, decrypts and compares random bytes, and checks that another context is refused. */
export const checkRoundTrip: Check = async ({ keystore, services }, call) => {
  const key = keystore.defaultKey
  const plaintext = services.random.bytes(32)
  const context = throwAwayContext(call, "connection-test")
  const { ciphertext, keyVersion } = await keystore.encrypt({ key, plaintext, context }, call)
  const opened = await keystore.decrypt({ key, ciphertext, keyVersion, context }, call)
  if (!Buffer.from(opened.plaintext).equals(plaintext)) throw dsmError("mismatch")
  try {
    await keystore.decrypt({ key, ciphertext, keyVersion, context: { ...context, keyVersion: 2 } }, call)
  } catch (error) {
    if (!hasCode(error, "CIPHERTEXT_REJECTED")) throw error
    const message = "Random bytes were encrypted and decrypted, and another context was refused."
    return { outcome: "passed", message, facts: { key_operations: "verified" } }
  }
  const message = "The server ignores the context to which a wrap is bound (ad)."
  throw pluginError(
    "KEY_UNSUITABLE",
    message,
    "Check which server answers at dsm_endpoint: DSM itself checks the context.",
  )
}

const logReads = 4
const pauseMs = 700

/** Looks for an encrypt of this test in DSM's log, which may show it a moment later. */
export const checkAudit: Check = async ({ keystore, account, services: { clock, random } }, call) => {
  // The clocks of two machines differ a little.
  const sinceMs = clock.nowMs() - 120_000
  const key = keystore.defaultKey
  const context = throwAwayContext(call, "audit-test")
  const { latestVersion } = await keystore.describeKey(key, call)
  const before = await account.loggedUses(latestVersion, sinceMs, call)
  const { keyVersion } = await keystore.encrypt({ key, plaintext: random.bytes(32), context }, call)
  for (let read = 0; read < logReads; read += 1) {
    const uses = await account.loggedUses(keyVersion, sinceMs, call)
    if (uses === "withheld" || before === "withheld") {
      return {
        outcome: "skipped",
        message: `The app may not read DSM's log: look there for operations of the key ${keyVersion}.`,
        facts: { hsm_audit_log: "unverified" },
      }
    }
    if (uses > before) {
      const message = "DSM's log shows the operation of this test."
      return { outcome: "passed", message, facts: { hsm_audit_log: "verified" } }
    }
    await pause(clock, pauseMs, call)
  }
  return {
    outcome: "warned",
    message: "DSM's log does not show an operation of this test yet.",
    nextStep: "Make sure in DSM that the group's audit log is on, and compare the clocks of both sides.",
    facts: { hsm_audit_log: "unverified" },
  }
}

function pause(clock: Clock, delayMs: number, { signal }: CallOptions): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(delayMs, resolve)
    signal.addEventListener(
      "abort",
      () => {
        cancel()
        resolve()
      },
      { once: true },
    )
  })
}
