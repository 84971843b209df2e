import type { CallOptions, Clock, KeystoreV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import { type ConnectionCheck, pluginError } from "@apeiro-cmk/plugin-sdk"
import type { DsmAccount } from "../account.ts"
import type { DsmClient } from "../client.ts"
import { dsmError, hasCode } from "../errors.ts"
import { keyWarnings, requireSuitable, stateError, throwAwayContext } from "../key-facts.ts"
import type { GroupKeys } from "../keys.ts"

/** What the steps of a connection test look at. */
export interface ConnectionTest {
  readonly keystore: KeystoreV1
  readonly client: DsmClient
  readonly account: DsmAccount
  readonly keys: GroupKeys
  readonly services: Pick<PluginServices, "clock" | "random">
}

type Check = ConnectionCheck<ConnectionTest>

/** TLS and the server, before any credential. The FIPS level is DSM's own statement. */
export const checkConnectivity: Check = async ({ client }, call) => {
  const { version, serverMode, fipsLevel } = await client.version(call)
  const fips = fipsLevel === undefined ? "states no FIPS level" : `states FIPS 140 level ${fipsLevel}`
  return {
    outcome: "passed",
    message: `DSM ${version} answers (${serverMode ?? "mode not told"}) and ${fips}.`,
    facts: {
      hsm_connectivity: "connected",
      fips_compliance: fipsLevel === undefined ? "not_reported" : `level_${fipsLevel}_stated_by_server`,
      dsm_version: version,
    },
  }
}

/** Logs in anew, also when a session is at hand. */
export const checkAuthentication: Check = async ({ client }, call) => {
  const idleMs = await client.logIn(call)
  const message = `DSM accepted the credential (${client.loginMethod}); the session may rest for ${Math.round(idleMs / 1000)} s.`
  return { outcome: "passed", message, facts: { auth_status: "authenticated" } }
}

/** What the app may do in the group, as DSM tells it. */
export const checkPermissions: Check = async ({ account, keys }, call) => {
  const granted = await account.permissions(await keys.groupId(call), call)
  if (granted === "withheld") {
    return {
      outcome: "warned",
      message: "The app is in the group; its permissions are not told to it.",
      nextStep: "Make sure that they are ENCRYPT and DECRYPT alone: EXPORT must not be among them.",
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
    nextStep: "Take them from the app in DSM.",
    facts,
  }
}

/** State, operations and exportability of the key. */
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
    nextStep: "Decide whether that is meant; otherwise create a key as the set-up material shows.",
  }
}

/** Encrypts, decrypts and compares; and makes sure that another context is refused. */
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
  const message = "The server ignores the context that a wrap is bound to (ad)."
  throw pluginError("KEY_UNSUITABLE", message, "Check what answers at dsm_endpoint: DSM itself checks it.")
}

const looksForLog = 4
const pauseMs = 700

/** Looks for an encrypt of this test in DSM's log, which may have it a moment later. */
export const checkAudit: Check = async ({ keystore, account, services: { clock, random } }, call) => {
  // The hours of two machines differ a little.
  const sinceMs = clock.nowMs() - 120_000
  const key = keystore.defaultKey
  const context = throwAwayContext(call, "audit-test")
  const { latestVersion } = await keystore.describeKey(key, call)
  const before = await account.loggedUses(latestVersion, sinceMs, call)
  const { keyVersion } = await keystore.encrypt({ key, plaintext: random.bytes(32), context }, call)
  for (let look = 0; look < looksForLog; look += 1) {
    const uses = await account.loggedUses(keyVersion, sinceMs, call)
    if (uses === "withheld" || before === "withheld") {
      return {
        outcome: "skipped",
        message: `The app may not read DSM's log: look there for the key ${keyVersion}.`,
        facts: { hsm_audit_log: "unverified" },
      }
    }
    if (uses > before) {
      const message = "DSM's log has the operation of this test."
      return { outcome: "passed", message, facts: { hsm_audit_log: "verified" } }
    }
    await pause(clock, pauseMs, call)
  }
  return {
    outcome: "warned",
    message: "DSM's log shows no operation of this test yet.",
    nextStep: "See in DSM that the group's audit log is on, and compare the clocks of both sides.",
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
