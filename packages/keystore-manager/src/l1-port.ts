import type { HostCall } from "@apeiro-cmk/host-call"
import type { L1Port } from "@apeiro-cmk/key-hierarchy"
import type { Clock, EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { KeystoreCaller, KeystoreCallSettings } from "./caller/keystore-caller.ts"
import { keystoreNotFound, managerError } from "./errors.ts"
import type { HealthBoard } from "./health-board.ts"
import type { KeystoreProbes } from "./keystore-probes.ts"
import { requireOwnClaim } from "./own-claim.ts"
import { explainRefusal, requirePinnedKey } from "./pinned-key.ts"
import type { KeystoreRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

type EncryptRequest = Parameters<L1Port["encrypt"]>[0]
type DecryptRequest = Parameters<L1Port["decrypt"]>[0]

/** A change that takes the secret of a call away puts another in its place, which decides. */
const following: KeystoreCallSettings = { followsRevisions: true }

/** Services that the L1 port uses. */
interface L1PortServices {
  readonly caller: KeystoreCaller
  readonly repository: Pick<KeystoreRepository, "keystore" | "claimOwner">
  readonly health: Pick<HealthBoard, "noteStanding">
  readonly probes: Pick<KeystoreProbes, "afterDecrypt">
  readonly clock: Clock
}

/**
 * Makes the L1 port of the key hierarchy. `call.tenantId` names the tenant; a context of another tenant is refused. It
 * encrypts only by an active keystore whose claim is the tenant's, and decrypts by the keystore that made the wrap. Both refuse with `KEY_MISMATCH` once
 * the keystore's name for the key leads to another key than at the activation.
 */
export function createL1Port({ caller, repository, health, probes, clock }: L1PortServices): L1Port {
  const find = async (keystoreId: string, context: EncryptionContext, call: HostCall): Promise<KeystoreRecord> => {
    requireOwnContext(context, call)
    const record = await repository.keystore(call.tenantId, keystoreId)
    if (record === undefined) throw keystoreNotFound(keystoreId)
    return record
  }
  return {
    async encrypt(request, call) {
      const record = await find(request.keystoreId, request.context, call)
      await requireOwnClaim(repository, record.pluginType, activeIdentity(record), call.tenantId)
      return encrypt(caller, record, activeIdentity, request, call, following)
    },
    async decrypt(request, call) {
      const record = await find(request.keystoreId, request.context, call)
      const purpose = request.purpose === "lease" ? "renewal" : "otherWork"
      const opened = await decrypt(caller, record, request, call, { ...following, purpose }, clock)
      probes.afterDecrypt(record, call)
      return opened
    },
    noteStoredWrap: (wrap, failure) => health.noteStanding(wrap, `wrap ${wrap.keyId} ${wrap.keyVersion}`, failure),
  }
}

/**
 * Makes an L1 port that is bound to one keystore which is not active yet, for its activation.
 *
 * @param record - the keystore; every other is refused
 * @param keyIdentity - identity of its L1 key, as the keystore has just stated it
 */
export function bindL1Port(
  caller: KeystoreCaller,
  record: KeystoreRecord,
  keyIdentity: string,
  clock: Clock,
): Pick<L1Port, "encrypt" | "decrypt"> {
  const requireBound = (keystoreId: string, context: EncryptionContext, call: HostCall): void => {
    requireOwnContext(context, call)
    if (record.tenantId !== call.tenantId || record.keystoreId !== keystoreId) throw keystoreNotFound(keystoreId)
  }
  return {
    async encrypt(request, call) {
      requireBound(request.keystoreId, request.context, call)
      return encrypt(caller, record, () => keyIdentity, request, call, {})
    },
    async decrypt(request, call) {
      requireBound(request.keystoreId, request.context, call)
      return decrypt(caller, record, request, call, {}, clock)
    },
  }
}

function encrypt(
  caller: KeystoreCaller,
  record: KeystoreRecord,
  identityOf: (record: KeystoreRecord) => string,
  { plaintext, context }: EncryptRequest,
  call: HostCall,
  settings: KeystoreCallSettings,
): ReturnType<L1Port["encrypt"]> {
  return caller.use(
    record,
    call,
    async (keystore, options, current) => {
      const l1KeyIdentity = identityOf(current)
      const key = keystore.defaultKey
      const { ciphertext, keyVersion, backendRequestId } = await keystore.encrypt({ key, plaintext, context }, options)
      // Afterwards: a name that moved just before would otherwise give a wrap of another key under this identity.
      await requirePinnedKey(keystore, key, l1KeyIdentity, options)
      return {
        ciphertext,
        l1KeyId: key.keyId,
        l1KeyIdentity,
        l1KeyVersion: keyVersion,
        ...(backendRequestId === undefined ? {} : { backendRequestId }),
      }
    },
    settings,
  )
}

function decrypt(
  caller: KeystoreCaller,
  record: KeystoreRecord,
  { l1KeyId, l1KeyVersion, ciphertext, context }: DecryptRequest,
  call: HostCall,
  settings: KeystoreCallSettings,
  clock: Clock,
): ReturnType<L1Port["decrypt"]> {
  return caller.use(
    record,
    call,
    async (keystore, options, current) => {
      const key = { keyId: l1KeyId }
      const opened = await keystore
        .decrypt({ key, ciphertext, keyVersion: l1KeyVersion, context }, options)
        .catch((error: unknown) => explainRefusal(error, keystore, key, current, options, clock))
      // Nobody waits for it any more, so nobody else would fill it with zeros.
      if (options.signal.aborted) opened.plaintext.fill(0)
      return opened
    },
    settings,
  )
}

function activeIdentity({ state, keyIdentity, keystoreId }: KeystoreRecord): string {
  if (state === "active" && keyIdentity !== undefined) return keyIdentity
  throw managerError("KEYSTORE_NOT_ACTIVE", `The keystore "${keystoreId}" is not active.`)
}

function requireOwnContext(context: EncryptionContext, call: HostCall): void {
  if (context.tenantId === call.tenantId) return
  const nextStep = "Report this as a fault of the host."
  throw pluginError("INVALID_REQUEST", "The wrap belongs to another tenant.", nextStep, { origin: "host" })
}
