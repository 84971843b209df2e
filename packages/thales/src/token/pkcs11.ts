import { createRequire } from "node:module"
import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import type * as pkcs11js from "pkcs11js"
import { meaningOf, type ReturnValueMeaning } from "../errors.ts"

/** The add-on with its constants. */
export type Pkcs11Module = typeof pkcs11js

/** What a call of the token was rejected with. */
export class TokenError extends Error {
  readonly meaning: ReturnValueMeaning

  constructor(meaning: ReturnValueMeaning) {
    super(meaning.message)
    this.name = "TokenError"
    this.meaning = meaning
  }
}

/** The token is not as it was described: nothing that another attempt would change. */
export class TokenMismatch extends Error {
  override readonly name = "TokenMismatch"
}

/** The token was asked for something that it does not have. */
export class TokenRefusal extends Error {
  readonly code: PluginErrorCode

  constructor(code: PluginErrorCode, message: string) {
    super(message)
    this.name = "TokenRefusal"
    this.code = code
  }
}

/** Loads the add-on. @throws {TokenMismatch} it was not installed, or not built */
export function loadAddon(): Pkcs11Module {
  try {
    return createRequire(import.meta.url)("pkcs11js")
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown reason"
    throw new TokenMismatch(
      `The add-on pkcs11js is not there (${reason}): install it beside the plugin, with a C++ compiler at hand.`,
    )
  }
}

/** The error that a native one stands for. */
export function tokenError(error: unknown): unknown {
  const value = returnValueOf(error)
  return value === undefined ? error : new TokenError(meaningOf(value))
}

/** The return value of a PKCS#11 call that failed. */
export function returnValueOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ("code" in error && typeof error.code === "number") return error.code
  // The binding forgets to translate the errors of C_FindObjects (2.1.7): they say `CKR_DEVICE_ERROR:48`.
  const [, digits] = /^CKR_\w+:(\d+)/.exec(error.message) ?? []
  return digits === undefined ? undefined : Number(digits)
}
