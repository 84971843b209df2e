import type { AuditRecorder } from "@apeiro-cmk/audit-log"
import { failureOf, type HostCall } from "@apeiro-cmk/host-call"
import type { Clock, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { KeystoreCaller } from "../caller/keystore-caller.ts"
import { requireKeystoreId } from "../document.ts"
import { fromStorage, hasCode, keystoreNotFound, managerError } from "../errors.ts"
import type { KeystoreTarget } from "../keystore-target.ts"
import type { KeystoreRepository } from "../ports.ts"
import type { KeystoreRecord } from "../records.ts"
import { ClaimProof } from "./claim-proof.ts"
import type { ClaimRecord, ClaimRepository } from "./claim-records.ts"
import { type ReleaseAct, releaseEvents } from "./release-events.ts"

/** Options of {@link L1Claims}. */
export interface L1ClaimsOptions {
  readonly repository: ClaimRepository
  readonly keystores: Pick<KeystoreRepository, "keystore">
  readonly caller: KeystoreCaller
  readonly audit: AuditRecorder
  readonly clock: Clock
  readonly random: RandomSource
}

/** How long a holder whose keystore does not answer keeps a contested claim, in milliseconds: three days. */
const contestMs = 72 * 60 * 60 * 1000

/** Everybody whom a release concerns. */
interface Parties extends ReleaseAct {
  readonly claim: ClaimRecord
  readonly claimant: KeystoreRecord
  /** Undefined where the holder has no keystore for the key any more. */
  readonly holder: KeystoreRecord | undefined
}

/**
 * The claims on L1 keys, for the platform's administrator. A release believes the administrator who says that the claimant
 * owns the key, unless the holder's keystore proves that it holds that key, too (ADR 0032).
 */
export class L1Claims {
  readonly #options: L1ClaimsOptions
  readonly #proof: ClaimProof

  constructor(options: L1ClaimsOptions) {
    this.#options = options
    this.#proof = new ClaimProof(options.caller, options.random)
  }

  /** Lists claims, by claim id. @param after - a claim id; those behind it */
  list(page: { readonly after?: string; readonly limit: number }): Promise<readonly ClaimRecord[]> {
    return this.#options.repository.claims(page)
  }

  /**
   * Takes a claim from its holder and gives it to the tenant of another keystore. Nothing of the holder's changes: its
   * keystore stays active and opens what it has wrapped, but wraps nothing new. The outcome is in the logs of both tenants
   * and of the platform before it is answered; no log of a tenant names the other one.
   *
   * @param claimant - the keystore that states the claimed identity, and works
   * @returns the claim of the claimant's tenant
   * @throws {KeystoreManagerError} CLAIM_NOT_FOUND, KEYSTORE_NOT_FOUND
   * @throws {KeystoreManagerError} CLAIM_NOT_CONTESTED - the claimant holds the claim, or its keystore names another key
   * @throws {KeystoreManagerError} CLAIM_HELD - the holder's keystore opens what the claimant's keystore wraps
   * @throws {KeystoreManagerError} CLAIM_UNPROVEN - the holder's keystore does not answer; it has three days to
   * @throws {KeystoreManagerError} REVISION_MISMATCH - the claimant's keystore was changed meanwhile
   * @throws {PluginError} what the claimant's keystore rejects with
   */
  async release(claimId: string, claimant: KeystoreTarget, call: HostCall): Promise<ClaimRecord> {
    const parties = await this.#recorded({ claimId }, call, () => this.#parties(claimId, claimant))
    const answer = await this.#recorded(parties, call, () => this.#askHolder(parties, call))
    const nowMs = this.#options.clock.nowMs()
    if (answer === "opened") return this.#refuse(parties, undefined, held(), call)
    const contestedAtMs = parties.claim.contestedAtMs ?? nowMs
    if (answer === "silent" && nowMs < contestedAtMs + contestMs) {
      return this.#refuse(parties, contestedAtMs, unproven(contestedAtMs + contestMs), call)
    }
    return this.#recorded(parties, call, () => this.#transfer({ ...parties, answer }, nowMs, call))
  }

  async #parties(claimId: string, target: KeystoreTarget): Promise<Parties> {
    const { keystores, repository } = this.#options
    requireKeystoreId(target.keystoreId)
    const claim = await repository.claim(claimId)
    if (claim === undefined) throw managerError("CLAIM_NOT_FOUND", "There is no claim of this id.")
    const claimant = await keystores.keystore(target.tenantId, target.keystoreId)
    if (claimant === undefined) throw keystoreNotFound(target.keystoreId)
    if (claim.tenantId === claimant.tenantId) {
      throw managerError("CLAIM_NOT_CONTESTED", "The claimant's tenant already holds this claim.")
    }
    const isOther = claimant.state === "active" && claimant.keyIdentity !== claim.keyIdentity
    if (claim.pluginType !== claimant.pluginType || isOther) {
      throw managerError("CLAIM_NOT_CONTESTED", "The claimant's keystore is for another key than the claimed one.")
    }
    const { tenantId, keystoreId } = claim
    const holder = keystoreId === undefined ? undefined : await keystores.keystore(tenantId, keystoreId)
    return { claimId, claim, claimant, holder }
  }

  async #askHolder({ claim, claimant, holder }: Parties, call: HostCall) {
    const wrap = await this.#proof.freshWrap(claimant, claim.keyIdentity, call)
    try {
      return holder === undefined ? "refused" : await this.#proof.ask(holder, wrap, call)
    } finally {
      wrap.secret.fill(0)
    }
  }

  async #transfer(act: Parties & ReleaseAct, atMs: number, call: HostCall): Promise<ClaimRecord> {
    const { claim, claimant } = act
    const entries = this.#prepared(act, { outcome: "success" }, call)
    try {
      return await this.#options.repository.transferClaim({ claim, claimant, atMs }, entries)
    } catch (error) {
      if (hasCode(error, "NOT_FOUND")) throw managerError("CLAIM_NOT_FOUND", "The claim is gone meanwhile.")
      throw fromStorage(error, claimant.keystoreId)
    }
  }

  async #refuse(parties: Parties, contestedAtMs: number | undefined, refusal: Error, call: HostCall): Promise<never> {
    const entries = this.#prepared(parties, failureOf(refusal), call)
    await this.#options.repository.markContested(parties.claimId, contestedAtMs, entries)
    throw refusal
  }

  /** Does a part of the work; its failure is recorded before it is thrown. @throws {AuditError} AUDIT_UNAVAILABLE */
  async #recorded<T>(act: ReleaseAct, call: HostCall, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const { audit } = this.#options
      await Promise.all(releaseEvents(act, failureOf(error), call).map((event) => audit.record(event)))
      throw error
    }
  }

  #prepared(act: ReleaseAct, outcome: Parameters<typeof releaseEvents>[1], call: HostCall) {
    return releaseEvents(act, outcome, call).map((event) => this.#options.audit.prepare(event))
  }
}

function held() {
  return managerError("CLAIM_HELD", "The holder's keystore opens what the claimant's keystore wraps: it is one key.")
}

function unproven(endsAtMs: number) {
  const until = new Date(endsAtMs).toISOString()
  return managerError("CLAIM_UNPROVEN", `The holder's keystore does not answer. The holder has until ${until}.`, {
    origin: "backend",
    retryable: true,
    nextStep: `Ask the holder to make the keystore work, and try again. From ${until} the claim is released without its answer.`,
  })
}
