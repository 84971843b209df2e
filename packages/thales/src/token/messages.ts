import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"

/** How a token is found and entered. */
export interface TokenSettings {
  /** Path of the PKCS#11 library. */
  readonly module: string
  readonly label: string
  /** Serial numbers that are accepted; any where there is none. */
  readonly serialNumbers: readonly string[]
  /** Most sessions at once. */
  readonly sessions: number
}

/** What a key's attributes say. */
export interface TokenKey {
  /** Hexadecimal, of three bytes; empty where the token has none. */
  readonly checkValue: string
  readonly sensitive: boolean
  readonly extractable: boolean
  readonly neverExtractable: boolean
  readonly alwaysSensitive: boolean
  readonly encrypts: boolean
  readonly decrypts: boolean
  readonly wraps: boolean
  readonly unwraps: boolean
  readonly lengthBytes: number
}

/** What the token says about itself. */
export interface TokenFacts {
  readonly label: string
  readonly serialNumber: string
  readonly model: string
  readonly manufacturer: string
  readonly firmware: string
  readonly slotId: string
  /** What the token says about the attempts that are left. */
  readonly pinState: "fine" | "few attempts left" | "last attempt" | "locked"
}

/** Questions to a token's process, and their answers. */
export interface TokenOperations {
  open: {
    readonly request: {
      readonly settings: TokenSettings
      readonly pin: Uint8Array
      /** Variables for the library, which reads them when it is loaded. */
      readonly environment: Readonly<Record<string, string>>
    }
    readonly answer: TokenFacts
  }
  facts: { readonly request: Record<string, never>; readonly answer: TokenFacts }
  encrypt: {
    readonly request: { readonly keyLabel: string; readonly plaintext: Uint8Array; readonly associatedData: Uint8Array }
    readonly answer: { readonly ciphertext: Uint8Array; readonly version: number; readonly checkValue: string }
  }
  decrypt: {
    readonly request: {
      readonly keyLabel: string
      readonly version: number
      readonly ciphertext: Uint8Array
      readonly associatedData: Uint8Array
    }
    readonly answer: { readonly plaintext: Uint8Array; readonly checkValue: string }
  }
  /** Answers with the versions, oldest first; there is one at least. */
  describe: { readonly request: { readonly keyLabel: string }; readonly answer: readonly TokenKey[] }
  /** Makes the first version, unless there is one. */
  generate: { readonly request: { readonly keyLabel: string }; readonly answer: Record<string, never> }
  /** Makes one more version of a key that is there. */
  rotate: { readonly request: { readonly keyLabel: string }; readonly answer: Record<string, never> }
  /** Destroys all versions. */
  destroy: { readonly request: { readonly keyLabel: string }; readonly answer: Record<string, never> }
}

/** Name of a question. */
export type TokenOperation = keyof TokenOperations

/** From the plugin to the process. */
export type ToToken =
  | { readonly kind: "ping"; readonly id: number }
  | { readonly kind: "request"; readonly id: number; readonly operation: TokenOperation; readonly request: unknown }

/** From the process to the plugin. */
export type FromToken =
  | { readonly kind: "pong"; readonly id: number }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly failure: TokenFailure }

/** Why a question has no answer; nothing of it is secret. */
export interface TokenFailure {
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
  /** E.g. `CKR_DEVICE_ERROR`. */
  readonly returnValue?: string
}
