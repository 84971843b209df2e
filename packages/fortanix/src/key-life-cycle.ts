import type { CallOptions, CreateKeyRequest, KeyDescription } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { Change, MakeChange } from "./approvals.ts"
import { dsmError, unexpectedAnswer } from "./errors.ts"
import { describe, requireSuitable, versionStatus } from "./key-facts.ts"
import { type DsmKey, readKey } from "./key-object.ts"
import type { KeySeriesCache } from "./key-series.ts"
import type { GroupKeys } from "./keys.ts"
import type { DsmAnswer } from "./wire.ts"

/** What an L1 key may do: wrap and unwrap tenant keys, and be managed by the app that made it. */
export const keyOperations = ["ENCRYPT", "DECRYPT", "APPMANAGEABLE"] as const

/** What {@link createKeyLifeCycle} works with. */
export interface KeyLifeCycleOptions {
  readonly keys: GroupKeys
  readonly seriesCache: KeySeriesCache
  readonly change: MakeChange
}

/** Makes, rotates, switches and ends keys. Each change may wait for a quorum: APPROVAL_PENDING. */
export function createKeyLifeCycle({ keys, seriesCache, change }: KeyLifeCycleOptions) {
  async function newestOf(keyId: string, call: CallOptions): Promise<DsmKey> {
    const newest = await keys.find(keyId, call)
    if (newest === undefined) throw dsmError("keyMissing")
    return newest
  }

  /** The versions of a key that exist, newest first. */
  async function versionsOf(newest: DsmKey, call: CallOptions): Promise<readonly DsmKey[]> {
    const found = [newest]
    for (let kid = newest.replaced; kid !== undefined; kid = found.at(-1)?.replaced) {
      const key = await keys.read(kid, call)
      if (key === undefined || found.some((each) => each.kid === key.kid)) break
      found.push(key)
    }
    return found
  }

  async function make(wanted: Change, call: CallOptions): Promise<DsmAnswer> {
    const answer = await change(wanted, call)
    if (answer.status < 300) return answer
    if (answer.status === 403) throw dsmError("denied", answer)
    throw answer.status === 404 ? dsmError("keyMissing", answer) : unexpectedAnswer(answer)
  }

  const keyPath = (kid: string, act = "") => `/crypto/v1/keys/${kid}${act}`

  async function describeKey(keyId: string, call: CallOptions): Promise<KeyDescription> {
    const newest = await newestOf(keyId, call)
    const oldest = (await versionsOf(newest, call)).at(-1) ?? newest
    // The link survives a version that was deleted.
    return describe(keyId, newest, oldest.replaced ?? oldest.kid)
  }

  async function createKey({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    if (origin === "import") throw pluginError("UNSUPPORTED", `Keys are not imported: ${importReason}`, importNextStep)
    if ((await keys.find(keyId, call)) === undefined) {
      const body = {
        ...{ name: keyId, obj_type: "AES", key_size: 256, key_ops: keyOperations, enabled: true },
        group_id: await keys.groupId(call),
      }
      const answer = await change({ method: "POST", path: "/crypto/v1/keys", body }, call)
      // Somebody else was faster.
      if (answer.status === 409) return adopted(keyId, call)
      if (answer.status === 403) throw dsmError("denied", answer)
      if (answer.status >= 300 || readKey(answer.json) === undefined) throw unexpectedAnswer(answer)
    }
    return adopted(keyId, call)
  }

  async function adopted(keyId: string, call: CallOptions): Promise<KeyDescription> {
    const key = await keys.find(keyId, call)
    if (key === undefined) {
      const message = "DSM says that the name is taken, but the group has no such key."
      throw pluginError(
        "INVALID_REQUEST",
        message,
        "Choose another name: a key of another group, or a destroyed one, has this one.",
      )
    }
    requireSuitable(key)
    return describeKey(keyId, call)
  }

  async function rotateKey(keyId: string, call: CallOptions): Promise<KeyDescription> {
    const newest = await newestOf(keyId, call)
    requireSuitable(newest)
    // Older versions go on decrypting: what they wrapped is wrapped anew later.
    const body = { name: newest.name, deactivate_rotated_key: false }
    await make({ method: "POST", path: "/crypto/v1/keys/rekey", body }, call)
    seriesCache.forget(keyId)
    // By the id of the version before where the key was named so: it leads to the newest.
    return describeKey(keyId, call)
  }

  async function setEnabled(keyId: string, enabled: boolean, call: CallOptions): Promise<void> {
    for (const key of await versionsOf(await newestOf(keyId, call), call)) {
      if (key.enabled !== enabled) await make({ method: "PATCH", path: keyPath(key.kid), body: { enabled } }, call)
    }
    seriesCache.forget(keyId)
  }

  /** Oldest first, so that a name that is still there means that work is left. */
  async function deleteKey(keyId: string, call: CallOptions): Promise<void> {
    const newest = await keys.find(keyId, call)
    if (newest === undefined) return
    for (const { kid, state } of (await versionsOf(newest, call)).toReversed()) {
      if (state === "Destroyed") continue
      if (state === "Active" || state === "None") {
        const reason = { code: "CessationOfOperation", message: "Deleted by the platform." }
        await make({ method: "POST", path: keyPath(kid, "/revoke"), body: reason }, call)
      }
      await make({ method: "POST", path: keyPath(kid, "/destroy"), body: {} }, call)
    }
    seriesCache.forget(keyId)
  }

  return {
    describeKey,
    createKey,
    rotateKey,
    deleteKey,
    enableKey: (keyId: string, call: CallOptions) => setEnabled(keyId, true, call),
    disableKey: (keyId: string, call: CallOptions) => setEnabled(keyId, false, call),
    async listKeyVersions(keyId: string, call: CallOptions) {
      return (await versionsOf(await newestOf(keyId, call), call))
        .map((key, index) => ({
          versionId: key.kid,
          createdAtMs: key.createdAtMs,
          status: versionStatus(key, index === 0),
        }))
        .toReversed()
    },
  }
}

/** Why the plugin does not import. */
export const importReason =
  "DSM takes material in the clear over TLS, or wrapped under a key that it already has; its own tools do either"
const importNextStep = "Import the material with DSM's own tools, then name the key in key_name."
