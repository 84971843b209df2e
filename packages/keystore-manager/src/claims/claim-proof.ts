import { randomUUID, timingSafeEqual } from "node:crypto"
import { platformTenantId } from "@apeiro-cmk/audit-log"
import type { HostCall } from "@apeiro-cmk/host-call"
import { errorMeanings } from "@apeiro-cmk/key-hierarchy"
import { type EncryptionContext, isPluginError, type RandomSource } from "@apeiro-cmk/plugin-interface"
import type { KeystoreCaller } from "../caller/keystore-caller.ts"
import { managerError } from "../errors.ts"
import type { KeystoreRecord } from "../records.ts"

/** A fresh secret, as a keystore has wrapped it. */
export interface FreshWrap {
  readonly secret: Uint8Array
  readonly ciphertext: Uint8Array
  readonly keyVersion: string
  readonly context: EncryptionContext
}

/**
 * Answer of the holder's keystore to a wrap of the claimant's: `opened` - it holds the same key; `refused` - it works, and
 * rejects this wrap; `silent` - neither, whatever the reason.
 */
export type HolderAnswer = "opened" | "refused" | "silent"

/** Finds out whether two keystores, which state the same identity, hold the same key. */
export class ClaimProof {
  readonly #caller: KeystoreCaller
  readonly #random: RandomSource

  constructor(caller: KeystoreCaller, random: RandomSource) {
    this.#caller = caller
    this.#random = random
  }

  /**
   * Has the claimant's keystore wrap a fresh secret, and open it again. The context names neither tenant: each keystore's
   * owner sees it.
   *
   * @throws {KeystoreManagerError} CLAIM_NOT_CONTESTED - it states another identity, or does not open its own wrap
   * @throws {PluginError} any code of a keystore failure
   */
  async freshWrap(claimant: KeystoreRecord, keyIdentity: string, call: HostCall): Promise<FreshWrap> {
    const { identity } = await this.#caller.use(claimant, callFor(claimant, call), (keystore, options) =>
      keystore.describeKey(keystore.defaultKey, options),
    )
    if (identity !== keyIdentity) {
      throw managerError("CLAIM_NOT_CONTESTED", "The claimant's keystore leads to another key than the claimed one.")
    }
    const wrap = await this.#roundTrip(claimant, call)
    if (wrap !== undefined) return wrap
    throw managerError("CLAIM_NOT_CONTESTED", "The claimant's keystore does not open what it wraps itself.")
  }

  /** Asks the holder's keystore to wrap and open a secret of its own, and then to open the claimant's. */
  async ask(holder: KeystoreRecord, wrap: FreshWrap, call: HostCall): Promise<HolderAnswer> {
    try {
      const own = await this.#roundTrip(holder, call)
      if (own === undefined) return "silent"
      own.secret.fill(0)
      return (await this.#opens(holder, wrap, call)) ? "opened" : "refused"
    } catch (error) {
      // A fault of the host, or a caller who gave up, says nothing about the holder.
      if (!isPluginError(error) || call.signal.aborted) throw error
      return "silent"
    }
  }

  /** @returns undefined when the keystore does not open what it has wrapped */
  async #roundTrip(record: KeystoreRecord, call: HostCall): Promise<FreshWrap | undefined> {
    const secret = this.#random.bytes(32)
    const context = { tenantId: platformTenantId, keyId: randomUUID(), keyVersion: 1 }
    const sealed = await this.#caller.use(record, callFor(record, call), (keystore, options) =>
      keystore.encrypt({ key: keystore.defaultKey, plaintext: secret, context }, options),
    )
    const wrap = { secret, context, ciphertext: sealed.ciphertext, keyVersion: sealed.keyVersion }
    return (await this.#opens(record, wrap, call)) ? wrap : undefined
  }

  async #opens(record: KeystoreRecord, { secret, ...wrap }: FreshWrap, call: HostCall): Promise<boolean> {
    try {
      const { plaintext } = await this.#caller.use(record, callFor(record, call), (keystore, options) =>
        keystore.decrypt({ key: keystore.defaultKey, ...wrap }, options),
      )
      const isSame = plaintext.length === secret.length && timingSafeEqual(plaintext, secret)
      plaintext.fill(0)
      return isSame
    } catch (error) {
      if (isPluginError(error) && isDefinite(errorMeanings[error.code].custody)) return false
      throw error
    }
  }
}

function isDefinite(meaning: (typeof errorMeanings)[keyof typeof errorMeanings]["custody"]): boolean {
  return meaning === "wrap-rejected" || meaning === "mismatch"
}

/** The plugin learns the tenant to which the keystore belongs, and no other. */
function callFor({ tenantId }: KeystoreRecord, call: HostCall): HostCall {
  return { ...call, tenantId }
}
