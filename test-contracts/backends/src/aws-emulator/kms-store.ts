import { AwsError } from "./aws-error.ts"
import type { Session } from "./iam.ts"
import type { KmsKey } from "./kms-key.ts"

/** The principal that sends a request, and the region that receives it. */
export interface Caller {
  readonly session: Session
  readonly region: string
}

/** Services that KMS receives from the emulator. */
export interface KmsOptions {
  readonly account: string
  readonly nowMs: () => number
  /** @throws {AwsError} AccessDeniedException */
  readonly authorize: (
    session: Session,
    question: { action: string; resource: string; context: Readonly<Record<string, string | readonly string[]>> },
  ) => void
}

/** Keys and aliases of the account, in all regions. */
export class KmsStore {
  readonly keys = new Map<string, KmsKey>()
  readonly aliases = new Map<string, string>()
  readonly options: KmsOptions

  constructor(options: KmsOptions) {
    this.options = options
  }

  /** Finds a key by its id, its ARN or an alias, bypassing every policy. */
  key(keyId: string): KmsKey | undefined {
    const id = this.aliases.get(keyId.replace(/^arn:[^/]*:alias\//, "alias/")) ?? keyId.replace(/^arn:.*:key\//, "")
    return this.keys.get(id)
  }
}

/** One call of an operation, and the keys that its caller may use. */
export class KmsCall {
  readonly store: KmsStore
  readonly caller: Caller
  readonly #operation: string

  constructor(store: KmsStore, caller: Caller, operation: string) {
    this.store = store
    this.caller = caller
    this.#operation = operation
  }

  get nowMs(): number {
    return this.store.options.nowMs()
  }

  /** @throws {AwsError} AccessDeniedException */
  allow(resource: string, context: Readonly<Record<string, string | readonly string[]>> = {}): void {
    this.store.options.authorize(this.caller.session, { action: `kms:${this.#operation}`, resource, context })
  }

  /**
   * Finds a key that the caller may use in this operation.
   *
   * @throws {AwsError} NotFoundException, or AccessDeniedException where the key exists and the caller may not see it
   */
  key(keyId: string, encryptionContext: Readonly<Record<string, string>> = {}): KmsKey {
    const key = this.store.key(keyId)
    if (key === undefined || key.region !== this.caller.region) {
      throw new AwsError("NotFoundException", `Key '${keyId}' does not exist`)
    }
    const aliases = [...this.store.aliases].filter(([, id]) => id === key.id).map(([name]) => name)
    this.allow(key.arn, {
      "kms:ResourceAliases": aliases,
      ...Object.fromEntries(
        Object.entries(encryptionContext).map(([name, value]) => [`kms:EncryptionContext:${name}`, value]),
      ),
    })
    this.#expireMaterial(key)
    return key
  }

  /** Finds a key like {@link KmsCall.key}, and requires that it is enabled and encrypts. */
  usableKey(keyId: string, encryptionContext: Readonly<Record<string, string>>): KmsKey {
    const key = requireEnabled(this.key(keyId, encryptionContext))
    if (key.usage === "ENCRYPT_DECRYPT" && key.spec === "SYMMETRIC_DEFAULT") return key
    throw new AwsError("InvalidKeyUsageException", `${key.arn} key usage is ${key.usage}, its spec ${key.spec}.`)
  }

  #expireMaterial(key: KmsKey): void {
    const { materialExpiresAtMs: expiresAtMs } = key
    if (expiresAtMs === undefined || expiresAtMs > this.nowMs || key.state !== "Enabled") return
    key.state = "PendingImport"
    key.materials = []
  }
}

/** @throws {AwsError} DisabledException, or KMSInvalidStateException */
export function requireEnabled(key: KmsKey): KmsKey {
  if (key.state === "Enabled") return key
  if (key.state === "Disabled") throw new AwsError("DisabledException", `${key.arn} is disabled.`)
  throw invalidState(key)
}

/** The error of an operation that the state of the key does not permit. */
export function invalidState({ arn, state }: KmsKey): AwsError {
  const words = {
    PendingDeletion: "pending deletion",
    PendingImport: "pending import",
    Enabled: "enabled",
    Disabled: "disabled",
  }
  return new AwsError("KMSInvalidStateException", `${arn} is ${words[state]}.`)
}
