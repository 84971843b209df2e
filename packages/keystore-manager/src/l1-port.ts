import type { HostCall } from "@apeiro-cmk/audit-log"
import type { L1Port } from "@apeiro-cmk/key-hierarchy"
import type { CallOptions, EncryptionContext, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { CallPolicy } from "./call-policy.ts"
import { keystoreNotFound, managerError } from "./errors.ts"
import type { HandlePool } from "./handles.ts"
import { nameOf } from "./health.ts"
import type { KeystoreRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

interface L1PortOptions {
  readonly repository: KeystoreRepository
  readonly handles: HandlePool
  readonly policy: CallPolicy
  /** Identities of L1 keys whose activation is under way, by {@link nameOf}. */
  readonly activating: ReadonlyMap<string, string>
}

type Operation<T> = (keystore: KeystoreV1, options: CallOptions, record: KeystoreRecord) => Promise<T>

/**
 * The tenants' L1 keys for the key hierarchy. `call.tenantId` says whose; a context of another tenant is refused.
 * It encrypts by an active keystore only, or by one that is being activated, and decrypts by whichever made the wrap.
 */
export function createL1Port({ repository, handles, policy, activating }: L1PortOptions): L1Port {
  const once = <T>(record: KeystoreRecord, call: HostCall, operation: Operation<T>): Promise<T> =>
    policy.run(record, call, (options) =>
      handles.use(record, options.signal, (keystore) => operation(keystore, options, record)),
    )

  const operate = async <T>(
    keystoreId: string,
    context: EncryptionContext,
    call: HostCall,
    operation: Operation<T>,
  ): Promise<T> => {
    if (context.tenantId !== call.tenantId) throw foreignContext()
    const record = await repository.keystore(call.tenantId, keystoreId)
    if (record === undefined) throw keystoreNotFound(keystoreId)
    try {
      return await once(record, call, operation)
    } catch (error) {
      // A change in the middle may have taken the old secret away: what it put in its place decides.
      const now = await repository.keystore(call.tenantId, keystoreId)
      if (now === undefined || now.revision === record.revision || call.signal.aborted) throw error
      return once(now, call, operation)
    }
  }

  return {
    encrypt: ({ keystoreId, plaintext, context }, call) =>
      operate(keystoreId, context, call, async (keystore, options, record) => {
        const l1KeyIdentity = record.state === "active" ? record.keyIdentity : activating.get(nameOf(record))
        if (l1KeyIdentity === undefined) {
          throw managerError("KEYSTORE_NOT_ACTIVE", `The keystore "${keystoreId}" is not active.`)
        }
        const key = keystore.defaultKey
        const result = await keystore.encrypt({ key, plaintext, context }, options)
        return {
          ciphertext: result.ciphertext,
          l1KeyId: key.keyId,
          l1KeyIdentity,
          l1KeyVersion: result.keyVersion,
          ...(result.backendRequestId === undefined ? {} : { backendRequestId: result.backendRequestId }),
        }
      }),

    decrypt: ({ keystoreId, l1KeyId, l1KeyVersion, ciphertext, context }, call) =>
      operate(keystoreId, context, call, async (keystore, options) => {
        const key = { keyId: l1KeyId }
        const opened = await keystore.decrypt({ key, ciphertext, keyVersion: l1KeyVersion, context }, options)
        // Nobody waits for it any more, so nobody else would fill it with zeros.
        if (options.signal.aborted) opened.plaintext.fill(0)
        return opened
      }),
  }
}

function foreignContext() {
  const nextStep = "Report this as a fault of the host."
  return pluginError("INVALID_REQUEST", "The wrap belongs to another tenant.", nextStep, { origin: "host" })
}
