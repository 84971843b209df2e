import type { KeyObject } from "node:crypto"

/** Permissions of an app in a group. Source: `AppPermissions` of the vendor's client. */
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

/** Credential with which an app logs in. */
export type AppCredential =
  | { readonly kind: "secret"; secret: string }
  | { readonly kind: "certificate"; readonly fingerprint256: string }
  | { readonly kind: "signedJwt"; readonly issuers: readonly string[]; readonly keys: ReadonlyMap<string, KeyObject> }

/** A machine client of DSM. */
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

/** A set of keys and its policies. */
export interface DsmGroup {
  readonly id: string
  readonly name: string
  readonly createdAtMs: number
  /** Operations on keys of the group that need approval by others. */
  approvals: "none" | "for changes" | "for changes and each use"
  /** AES modes that the group's cryptographic policy allows. Default: all. */
  aesModes?: readonly string[]
}
