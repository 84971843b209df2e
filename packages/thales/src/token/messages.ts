import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"

/** Settings by which a process finds its token and logs in. */
export interface TokenSettings {
  /** Path of the PKCS#11 library. */
  readonly module: string
  readonly label: string
  /** Serial numbers that are accepted; an empty list accepts any. */
  readonly serialNumbers: readonly string[]
  /** Maximum number of concurrent sessions. */
  readonly sessions: number
}

/** Attributes of a key. */
export interface TokenKey {
  /** Three bytes in hexadecimal; empty where the token has none. */
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

/** Facts that the token reports about itself. */
export interface TokenFacts {
  readonly label: string
  readonly serialNumber: string
  readonly model: string
  readonly manufacturer: string
  readonly firmware: string
  readonly slotId: string
  /** Remaining login attempts, as the token reports them. */
  readonly pinState: "fine" | "few attempts left" | "last attempt" | "locked"
}

/** Facts that tell a token from every other, however a configuration spells it. */
export type TokenIdentity = Pick<TokenFacts, "manufacturer" | "model" | "serialNumber" | "label">

/** Operations of a token's process, each with its request and its answer. */
export interface TokenOperations {
  /** Finds the token, without a PIN. */
  locate: {
    readonly request: {
      readonly settings: TokenSettings
      /** Variables for the library, which reads them when it loads. */
      readonly environment: Readonly<Record<string, string>>
    }
    readonly answer: { readonly identity: TokenIdentity; readonly isLoggedIn: boolean }
  }
  /** Logs in at the token that `locate` found, once: the process keeps no PIN. */
  open: { readonly request: { readonly pin: Uint8Array }; readonly answer: TokenFacts }
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
  /** Answers with the versions, oldest first; at least one. */
  describe: { readonly request: { readonly keyLabel: string }; readonly answer: readonly TokenKey[] }
  /** Generates the first version, unless it exists. */
  generate: { readonly request: { readonly keyLabel: string }; readonly answer: Record<string, never> }
  /** Generates the next version of an existing key. */
  rotate: { readonly request: { readonly keyLabel: string }; readonly answer: Record<string, never> }
  /** Destroys all versions. */
  destroy: { readonly request: { readonly keyLabel: string }; readonly answer: Record<string, never> }
}

/** Name of an operation. */
export type TokenOperation = keyof TokenOperations

/** The request to do one operation. */
export interface OperationRequest<Operation extends TokenOperation> {
  readonly kind: "request"
  readonly id: number
  readonly operation: Operation
  readonly request: TokenOperations[Operation]["request"]
}

/** The request to do any of the operations: each operation with its own kind of request. */
export type AnyOperationRequest<Operation extends TokenOperation = TokenOperation> = {
  readonly [Each in Operation]: OperationRequest<Each>
}[Operation]

/** A message from the plugin to the process. */
export type ToToken = { readonly kind: "ping"; readonly id: number } | AnyOperationRequest

/** A message from the process to the plugin. */
export type FromToken =
  | { readonly kind: "pong"; readonly id: number }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly failure: TokenFailure }

/** Why an operation failed; contains no secret. */
export interface TokenFailure {
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
  /** E.g. `CKR_DEVICE_ERROR`. */
  readonly returnValue?: string
  /** Whether the token refused the PIN itself: it is never sent there again. */
  readonly refusesPin?: boolean
  /** Whether the same operation may succeed after a new login. */
  readonly needsLogin?: boolean
}
