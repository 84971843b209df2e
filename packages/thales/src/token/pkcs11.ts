import { createRequire } from "node:module"
import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import type * as pkcs11js from "pkcs11js"
import { meaningOf, type ReturnValueMeaning } from "../errors.ts"

/** The add-on with its constants. */
export type Pkcs11Module = typeof pkcs11js

/** A PKCS#11 call failed with a return value. */
export class TokenError extends Error {
  readonly meaning: ReturnValueMeaning

  constructor(meaning: ReturnValueMeaning) {
    super(meaning.message)
    this.name = "TokenError"
    this.meaning = meaning
  }
}

/** The token does not match its configuration, which another attempt would not change. */
export class TokenMismatch extends Error {
  override readonly name = "TokenMismatch"
}

/** The token does not have what an operation needs, or must not be used for it. */
export class TokenRefusal extends Error {
  readonly code: PluginErrorCode

  constructor(code: PluginErrorCode, message: string) {
    super(message)
    this.name = "TokenRefusal"
    this.code = code
  }
}

/** The operation needs a new login first; `cause` says what ended the last one, unless it had ended before. */
export class LoginNeeded extends Error {
  override readonly name = "LoginNeeded"
}

/** Loads the add-on. @throws {TokenMismatch} the add-on is not installed, or was not built */
export function loadAddon(): Pkcs11Module {
  try {
    return createRequire(import.meta.url)("pkcs11js")
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown reason"
    throw new TokenMismatch(
      `The add-on pkcs11js is not installed (${reason}): install it next to the plugin, which takes a C++ compiler.`,
    )
  }
}

/** Turns a native error into a {@link TokenError}; returns any other value unchanged. */
export function tokenError(error: unknown): unknown {
  const value = returnValueOf(error)
  return value === undefined ? error : new TokenError(meaningOf(value))
}

/** Returns the PKCS#11 return value that an error carries. */
export function returnValueOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ("code" in error && typeof error.code === "number") return error.code
  // The binding (2.1.7) does not translate the errors of C_FindObjects: they read `CKR_DEVICE_ERROR:48`.
  const [, digits] = /^CKR_\w+:(\d+)/.exec(error.message) ?? []
  return digits === undefined ? undefined : Number(digits)
}
