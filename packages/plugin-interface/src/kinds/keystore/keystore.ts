import type { CallOptions } from "../../call.ts"
import type { ConnectionStep } from "../../connection-test.ts"

/** A key inside one keystore, by the keystore's own name for it: AWS key ARN, OpenBao key name, DSM kid, ... */
export interface KeyRef {
  readonly keyId: string
}

/**
 * The facts that a wrap is bound to: exactly these three, fixed permanently in docs/envelope.md. Each plugin binds them by its
 * protocol's own means (encryption context, associated data); a decrypt under any other context is refused.
 */
export interface EncryptionContext {
  readonly tenantId: string
  /** Id of the L2 key. */
  readonly keyId: string
  /** Version of the L2 key, from 1. */
  readonly keyVersion: number
}

/** Arguments of {@link KeystoreV1.encrypt}. */
export interface EncryptRequest {
  readonly key: KeyRef
  /** 1 to 4096 bytes. The plugin keeps no copy. */
  readonly plaintext: Uint8Array
  readonly context: EncryptionContext
}

/** Answer of {@link KeystoreV1.encrypt}. */
export interface EncryptResult {
  /** Opaque to the host, which stores it unchanged and passes it to `decrypt`. */
  readonly ciphertext: Uint8Array
  /** Version of the L1 key that was used, as the keystore names it; `1` where it has no versions. */
  readonly keyVersion: string
  /** The keystore's own id of the request, for matching with its log. */
  readonly backendRequestId?: string
}

/** Arguments of {@link KeystoreV1.decrypt}. */
export interface DecryptRequest {
  readonly key: KeyRef
  readonly ciphertext: Uint8Array
  /** As `encrypt` returned it; a plugin refuses a ciphertext of another version with `CIPHERTEXT_REJECTED`. */
  readonly keyVersion: string
  readonly context: EncryptionContext
}

/** Answer of {@link KeystoreV1.decrypt}. */
export interface DecryptResult {
  /** The caller owns it and fills it with zeros after use. */
  readonly plaintext: Uint8Array
  readonly backendRequestId?: string
}

/** State of a key at its keystore. Upstream knows the same names. */
export type KeyState = "ENABLED" | "DISABLED" | "PENDING_IMPORT" | "PENDING_DELETION" | "UNKNOWN"

/** A fact that the keystore may withhold from the credential in use. */
export type Known<T> = T | "unknown"

/** A key, as its keystore describes it. */
export interface KeyDescription {
  readonly key: KeyRef
  /**
   * Canonical identity of the key as the *server* states it (AWS key ARN; OpenBao cluster id, namespace, mount and key;
   * DSM account and kid; token serial and key id), so that a second host name does not count as a second key. At most 500 characters.
   */
  readonly identity: string
  readonly state: KeyState
  /** E.g. `aes256-gcm96`, `SYMMETRIC_DEFAULT`; as the keystore spells it. */
  readonly algorithm: Known<string>
  /** Whether the keystore would hand out the key's plaintext. */
  readonly exportable: Known<boolean>
  /** Newest version, as the keystore names it. */
  readonly latestVersion: Known<string>
  /** When the newest version came to be, milliseconds since the Unix epoch. */
  readonly latestVersionCreatedAtMs?: number
  /** Things that a security administrator should know, each one sentence. */
  readonly warnings: readonly string[]
}

/** One version of a key. */
export interface KeyVersionDescription {
  readonly versionId: string
  readonly createdAtMs: number
  readonly status: string
}

/** Answer of {@link KeystoreV1.probe}: the round trip was real and took this long. */
export interface ProbeResult {
  readonly latencyMs: number
}

/** Arguments of {@link KeystoreV1.createKey}. */
export interface CreateKeyRequest {
  /** Name of the new key: upstream's CMK key UUID, or a name out of the configuration. */
  readonly keyId: string
  /** `generate`: the keystore makes the material. `import`: the key waits for material from outside. */
  readonly origin: "generate" | "import"
}

/** Parameters with which an administrator wraps key material for an import; upstream's parameter names and values. */
export interface ImportParameters {
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKey: string
  readonly wrappingAlgorithm: "CKM_RSA_PKCS_OAEP" | "CKM_RSA_AES_KEY_WRAP"
  readonly hashFunction: "SHA1" | "SHA256"
  /** Opaque; returned with the material. */
  readonly providerParams: string
  /** When the parameters expire, milliseconds since the Unix epoch. */
  readonly validToMs?: number
}

/** Arguments of {@link KeystoreV1.importKeyMaterial}. */
export interface ImportKeyMaterialRequest {
  readonly key: KeyRef
  readonly encryptedKeyMaterial: Uint8Array
  readonly providerParams: string
}

/**
 * One opened keystore: the configuration of one tenant, with its credential. Safe for parallel calls.
 *
 * Every method rejects with a `PluginError` and nothing else, and within moments of `call.signal` firing.
 */
export interface KeystoreV1 {
  /** The L1 key that the configuration names. */
  readonly defaultKey: KeyRef

  /**
   * Encrypts under a key that already exists; it never makes one.
   * @throws {PluginError} any code of a keystore failure
   */
  encrypt(request: EncryptRequest, call: CallOptions): Promise<EncryptResult>
  /**
   * Decrypts what `encrypt` returned.
   * @throws {PluginError} CIPHERTEXT_REJECTED - altered, or another context, version or key
   */
  decrypt(request: DecryptRequest, call: CallOptions): Promise<DecryptResult>
  /**
   * Describes a key as its keystore sees it. Upstream: GetKey.
   * @throws {PluginError} KEY_NOT_FOUND - the keystore says that there is none
   */
  describeKey(key: KeyRef, call: CallOptions): Promise<KeyDescription>
  /** Lists versions, oldest first. Capability `listKeyVersions`. Upstream: GetKeyVersions. */
  listKeyVersions(key: KeyRef, call: CallOptions): Promise<readonly KeyVersionDescription[]>
  /** Capability `createKey`. Idempotent for the same name. */
  createKey(request: CreateKeyRequest, call: CallOptions): Promise<KeyDescription>
  /** Capability `enableKey`. */
  enableKey(key: KeyRef, call: CallOptions): Promise<void>
  /** Capability `disableKey`. */
  disableKey(key: KeyRef, call: CallOptions): Promise<void>
  /** Capability `rotateKey`: a new version encrypts from now on, older ones still decrypt. No upstream RPC. */
  rotateKey(key: KeyRef, call: CallOptions): Promise<KeyDescription>
  /** Capability `deleteKey`: at once or, where the keystore has a waiting time, scheduled. */
  deleteKey(key: KeyRef, call: CallOptions): Promise<void>
  /** Capability `importKey`. */
  getImportParameters(key: KeyRef, call: CallOptions): Promise<ImportParameters>
  /** Capability `importKey`. */
  importKeyMaterial(request: ImportKeyMaterialRequest, call: CallOptions): Promise<KeyDescription>
  /**
   * Runs the steps that tell an administrator whether this configuration works, and what is missing where it does not.
   * Each step is yielded when it has ended; a failure is a step, never a throw. Ends within 30 s under any fault.
   */
  testConnection(call: CallOptions): AsyncIterable<ConnectionStep>
  /**
   * A cheap round trip that proves that the next operation would succeed. It rejects with KEY_UNSUITABLE where the plugin
   * can see that the key has become exportable: such a key still works. The host probes a keystore in use every few minutes.
   */
  probe(call: CallOptions): Promise<ProbeResult>
  /** Releases what belongs to this handle alone. Idempotent; calls in flight reject with `CANCELLED`. */
  close(): Promise<void>
}
