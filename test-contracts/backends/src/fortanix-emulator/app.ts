import type { KeyObject } from "node:crypto"

/** What an app may do in a group. Source: `AppPermissions` of the vendor's client. */
export type AppPermission =
  | "ENCRYPT"
  | "DECRYPT"
  | "MASKDECRYPT"
  | "WRAPKEY"
  | "UNWRAPKEY"
  | "DERIVEKEY"
  | "MACGENERATE"
  | "MACVERIFY"
  | "MANAGE"
  | "SIGN"
  | "VERIFY"
  | "AGREEKEY"
  | "EXPORT"

/** How an app logs in. */
export type AppCredential =
  | { readonly kind: "secret"; secret: string }
  | { readonly kind: "certificate"; readonly fingerprint256: string }
  | { readonly kind: "signedJwt"; readonly issuers: readonly string[]; readonly keys: ReadonlyMap<string, KeyObject> }

/** A client of DSM that is no human. */
export interface DsmApp {
  readonly id: string
  readonly name: string
  readonly credential: AppCredential
  /** Permissions by group id. An administrator changes them in place. */
  readonly groups: Map<string, readonly AppPermission[]>
  readonly defaultGroup: string | undefined
  readonly createdAtMs: number
  enabled: boolean
}

/** A set of keys, and who may use them. */
export interface DsmGroup {
  readonly id: string
  readonly name: string
  readonly createdAtMs: number
  /** Whoever changes or uses keys of the group needs the approval of others. */
  approvals: "none" | "for changes" | "for changes and each use"
  /** Modes of AES that the group's cryptographic policy allows; all, when absent. */
  aesModes?: readonly string[]
}
