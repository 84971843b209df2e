import type { CallOptions } from "./call.ts"
import type { JsonValue } from "./manifest.ts"

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

/** Whom to let in: the subject of a certificate of the upstream host, or of its cryptography layer. */
export interface UpstreamTrustRequest {
  /** `management`: a common name. `crypto`: a distinguished name, parts divided by `/`. */
  readonly subject: string
  readonly region: string
  readonly type: "management" | "crypto"
  /** The host's configuration: certificate, key and the access data of the keystore. */
  readonly values: Members
}

/**
 * What the upstream host needs to fill its pool of keystores; it does not say for whom. Upstream: KeystoreProvider.
 */
export interface UpstreamKeystoreProviderV1 {
  /** Makes a keystore; each call makes another one. */
  createKeystore(call: CallOptions): Promise<{
    readonly roleManagement: UpstreamManagementAccess
    readonly keyManagement: UpstreamManagementAccess
  }>
  /** Removes the keystore that the values name, for ever. */
  deleteKeystore(values: Members, call: CallOptions): Promise<void>
  /** @returns access data that go with the subject's calls; idempotent */
  grantTrust(request: UpstreamTrustRequest, call: CallOptions): Promise<Members>
  /** Shuts out again whom `grantTrust` let in with these access data; idempotent. */
  removeTrust(values: Members, accessData: Members, call: CallOptions): Promise<void>
}

/** A person as the upstream host shows and mails them. Ids are unique over all tenants: the host keeps users by id alone. */
export interface DirectoryUser {
  readonly id: string
  readonly name: string
  readonly email: string
}

/** A group as the upstream host knows it. */
export interface DirectoryGroup {
  readonly id: string
  readonly name: string
}

/** Members of the signed data about the caller, where there is one; empty in the host's own tasks. */
export type DirectoryContext = Readonly<Record<string, string>>

/** What the upstream host asks about users and groups. Upstream: IdentityManagementService. */
export interface UpstreamIdentityV1 {
  /** @returns `undefined` only when the directory says that there is none */
  getUser(userId: string, context: DirectoryContext, call: CallOptions): Promise<DirectoryUser | undefined>
  /** @returns `undefined` only when the directory says that there is none */
  getGroup(groupName: string, context: DirectoryContext, call: CallOptions): Promise<DirectoryGroup | undefined>
  getAllGroups(context: DirectoryContext, call: CallOptions): Promise<readonly DirectoryGroup[]>
  getUsersForGroup(groupId: string, context: DirectoryContext, call: CallOptions): Promise<readonly DirectoryUser[]>
  getGroupsForUser(userId: string, context: DirectoryContext, call: CallOptions): Promise<readonly DirectoryGroup[]>
}

/** A request for a certificate of the upstream host, which makes the key itself and signs no request with it. */
export interface UpstreamCertificateRequest {
  /** 1 to 64 characters. */
  readonly commonName: string
  readonly localities: readonly string[]
  /** At least 1. */
  readonly validityDays: number
  /** PEM, PKCS#1. It must not be kept: it is filled with zeros when the call has ended. */
  readonly privateKey: Uint8Array
}

/** Upstream: CertificateIssuerService. */
export interface UpstreamCertificateIssuerV1 {
  /** @returns the chain, leaf first, PEM: one leaf, then the authorities that issued it */
  getCertificate(request: UpstreamCertificateRequest, call: CallOptions): Promise<string>
}

/** Upstream: SystemInformationService. */
export interface UpstreamSystemInformationV1 {
  /** @returns facts about the system, or `undefined` when nothing is known of it */
  get(
    system: { readonly id: string; readonly type: string },
    call: CallOptions,
  ): Promise<Readonly<Record<string, string>> | undefined>
}

/** A message of the upstream host to people. */
export interface UpstreamNotification {
  readonly type: "email" | "text" | "web"
  /** At least one; the receivers must not see each other. */
  readonly recipients: readonly string[]
  readonly subject: string
  /** HTML. */
  readonly body: string
}

/** Upstream: NotificationService. */
export interface UpstreamNotificationV1 {
  /** The host sends a message that failed again: one that reached somebody must not fail. */
  sendNotification(notification: UpstreamNotification, call: CallOptions): Promise<void>
}
