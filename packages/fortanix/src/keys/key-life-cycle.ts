import type { CallOptions, CreateKeyRequest, KeyDescription, KeyVersionDescription } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { Change, Changes } from "../approvals.ts"
import { dsmError, unexpectedAnswer } from "../errors.ts"
import type { DsmAnswer } from "../messages.ts"
import type { GroupKeys } from "./group-keys.ts"
import { describe, requireSuitable, versionStatus } from "./key-facts.ts"
import { type DsmKey, readKey } from "./key-object.ts"
import type { KeySeriesCache } from "./key-series.ts"

/** Operations of an L1 key: it wraps and unwraps tenant keys, and the app that created it manages it. */
export const keyOperations = ["ENCRYPT", "DECRYPT", "APPMANAGEABLE"] as const

/** Reason why the plugin does not import. */
export const importReason =
  "DSM takes key material in the clear over TLS, or wrapped under a key that it has; use DSM's own tools for either"
const importNextStep = "Import the material with DSM's own tools, then set key_name to the name of the key."

/** Options of a {@link KeyLifeCycle}. */
export interface KeyLifeCycleOptions {
  readonly keys: GroupKeys
  readonly seriesCache: KeySeriesCache
  readonly changes: Changes
}

/** Describes, creates, rotates, disables and deletes keys. Each change may wait for a quorum: APPROVAL_PENDING. */
export class KeyLifeCycle {
  readonly #keys: GroupKeys
  readonly #seriesCache: KeySeriesCache
  readonly #changes: Changes

  constructor({ keys, seriesCache, changes }: KeyLifeCycleOptions) {
    this.#keys = keys
    this.#seriesCache = seriesCache
    this.#changes = changes
  }

  /** @throws {PluginError} KEY_NOT_FOUND */
  async describeKey(keyId: string, call: CallOptions): Promise<KeyDescription> {
    const newest = await this.#newestOf(keyId, call)
    const oldest = (await this.#versionsOf(newest, call)).at(-1) ?? newest
    // The link survives a version that was deleted.
    return describe(keyId, newest, oldest.replaced ?? oldest.kid)
  }

  /** Returns the versions, oldest first. @throws {PluginError} KEY_NOT_FOUND */
  async listKeyVersions(keyId: string, call: CallOptions): Promise<readonly KeyVersionDescription[]> {
    const versions = await this.#versionsOf(await this.#newestOf(keyId, call), call)
    return versions
      .map((key, index) => ({
        versionId: key.kid,
        createdAtMs: key.createdAtMs,
        status: versionStatus(key, index === 0),
      }))
      .toReversed()
  }

  /** Creates a key, or adopts one that has the name. @throws {PluginError} UNSUPPORTED, DENIED, KEY_UNSUITABLE */
  async createKey({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    if (origin === "import") {
      throw pluginError("UNSUPPORTED", `This plugin does not import keys: ${importReason}.`, importNextStep)
    }
    if ((await this.#keys.find(keyId, call)) === undefined) {
      const body = {
        ...{ name: keyId, obj_type: "AES", key_size: 256, key_ops: keyOperations, enabled: true },
        group_id: await this.#keys.groupId(call),
      }
      const answer = await this.#changes.make({ method: "POST", path: "/crypto/v1/keys", body }, call)
      // 409: somebody else has created it meanwhile.
      if (answer.status === 409) return this.#adopted(keyId, call)
      if (answer.status === 403) throw dsmError("denied", answer)
      if (answer.status >= 300 || readKey(answer.json) === undefined) throw unexpectedAnswer(answer)
    }
    return this.#adopted(keyId, call)
  }

  /** @throws {PluginError} KEY_NOT_FOUND, KEY_UNSUITABLE, DENIED */
  async rotateKey(keyId: string, call: CallOptions): Promise<KeyDescription> {
    const newest = await this.#newestOf(keyId, call)
    requireSuitable(newest)
    // Older versions keep decrypting: what they wrapped is wrapped again later.
    const body = { name: newest.name, deactivate_rotated_key: false }
    await this.#make({ method: "POST", path: "/crypto/v1/keys/rekey", body }, call)
    this.#seriesCache.forget(keyId)
    // If keyId is the id of the previous version, it leads to the newest.
    return this.describeKey(keyId, call)
  }

  /** Enables or disables every version. @throws {PluginError} KEY_NOT_FOUND, DENIED */
  async setEnabled(keyId: string, enabled: boolean, call: CallOptions): Promise<void> {
    for (const key of await this.#versionsOf(await this.#newestOf(keyId, call), call)) {
      if (key.enabled !== enabled) {
        await this.#make({ method: "PATCH", path: keyPath(key.kid), body: { enabled } }, call)
      }
    }
    this.#seriesCache.forget(keyId)
  }

  /** Destroys every version, the oldest first: while the name is found, work is left. @throws {PluginError} DENIED */
  async deleteKey(keyId: string, call: CallOptions): Promise<void> {
    const newest = await this.#keys.find(keyId, call)
    if (newest === undefined) return
    for (const { kid, state } of (await this.#versionsOf(newest, call)).toReversed()) {
      if (state === "Destroyed") continue
      if (state === "Active" || state === "None") {
        const reason = { code: "CessationOfOperation", message: "Deleted by the platform." }
        await this.#make({ method: "POST", path: keyPath(kid, "/revoke"), body: reason }, call)
      }
      await this.#make({ method: "POST", path: keyPath(kid, "/destroy"), body: {} }, call)
    }
    this.#seriesCache.forget(keyId)
  }

  async #newestOf(keyId: string, call: CallOptions): Promise<DsmKey> {
    const newest = await this.#keys.find(keyId, call)
    if (newest === undefined) throw dsmError("keyMissing")
    return newest
  }

  /** The versions of a key that exist, newest first. */
  async #versionsOf(newest: DsmKey, call: CallOptions): Promise<readonly DsmKey[]> {
    const found = [newest]
    for (let kid = newest.replaced; kid !== undefined; kid = found.at(-1)?.replaced) {
      const key = await this.#keys.read(kid, call)
      if (key === undefined || found.some((each) => each.kid === key.kid)) break
      found.push(key)
    }
    return found
  }

  async #adopted(keyId: string, call: CallOptions): Promise<KeyDescription> {
    const key = await this.#keys.find(keyId, call)
    if (key === undefined) {
      const message = "DSM reports that the name is taken, but the group has no such key."
      const nextStep = "Choose another name: a key of another group, or a destroyed key, has this one."
      throw pluginError("INVALID_REQUEST", message, nextStep)
    }
    requireSuitable(key)
    return this.describeKey(keyId, call)
  }

  async #make(change: Change, call: CallOptions): Promise<DsmAnswer> {
    const answer = await this.#changes.make(change, call)
    if (answer.status < 300) return answer
    if (answer.status === 403) throw dsmError("denied", answer)
    throw answer.status === 404 ? dsmError("keyMissing", answer) : unexpectedAnswer(answer)
  }
}

function keyPath(kid: string, act = ""): string {
  return `/crypto/v1/keys/${kid}${act}`
}
