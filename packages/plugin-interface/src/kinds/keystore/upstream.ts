import type { CallOptions } from "../../call.ts"
import type { JsonValue } from "../../json.ts"

/** Free members, as the upstream host sends and keeps them. */
type Members = Readonly<Record<string, JsonValue>>

/** Only what the upstream contract needs beside the keystore itself; pure, no network. */
export interface UpstreamKeystoreHooksV1 {
  /**
   * Makes of upstream's configuration what `openKeystore` takes.
   *
   * @param values - `authType`, `clientCert` and `privateKey` of the upstream host, and the user's access data for
   * management beside them
   * @param nativeKeyId - the key that the call is about; empty where it is about none
   * @param region - of a key that is to be made; else empty
   */
  keystoreConfiguration(values: Members, nativeKeyId: string, region: string): Members
  validateKey(request: { readonly keyType: "BYOK" | "HYOK"; readonly algorithm: string; readonly region: string }): void
  validateKeyAccessData(management: Members, crypto: Members): void
  transformCryptoAccessData(nativeKeyId: string, crypto: Members): ReadonlyMap<string, Uint8Array>
  extractKeyRegion(nativeKeyId: string, management: Members): string
}

/** How the upstream host reaches a keystore that was made for it: with a certificate of its own. */
export interface UpstreamManagementAccess {
  /** Becomes the certificate's locality; empty leaves the certificate to the host, and asks for a grant of trust. */
  readonly localityId: string
  /** Becomes the certificate's common name; never empty. */
  readonly commonName: string
  /** Goes with each call beside the certificate. No secret: the host keeps it readable. */
  readonly accessData: Members
}

/** A subject to trust: the subject of a certificate of the upstream host, or of its cryptography layer. */
export interface UpstreamTrustRequest {
  /** `management`: a common name. `crypto`: a distinguished name, parts divided by `/`. */
  readonly subject: string
  readonly region: string
  readonly type: "management" | "crypto"
  /** The host's configuration: certificate, key and the access data of the keystore. */
  readonly values: Members
}

/**
 * Makes and removes the keystores of the upstream host's pool; that host does not say for whom. Upstream: KeystoreProvider.
 */
export interface UpstreamKeystoreProviderV1 {
  /** Makes a keystore; each call makes another one. */
  createKeystore(call: CallOptions): Promise<{
    readonly roleManagement: UpstreamManagementAccess
    readonly keyManagement: UpstreamManagementAccess
  }>
  /** Removes the keystore that the values name, permanently. */
  deleteKeystore(values: Members, call: CallOptions): Promise<void>
  /** @returns access data that go with the subject's calls; idempotent */
  grantTrust(request: UpstreamTrustRequest, call: CallOptions): Promise<Members>
  /** Revokes the trust that `grantTrust` gave with these access data; idempotent. */
  removeTrust(values: Members, accessData: Members, call: CallOptions): Promise<void>
}
