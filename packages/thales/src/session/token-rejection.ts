import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { TokenFailure } from "../token/messages.ts"

/** A token's process answered an operation with a failure. */
export class TokenRejection extends Error {
  override readonly name = "TokenRejection"
  readonly failure: TokenFailure

  constructor(failure: TokenFailure) {
    super(failure.message)
    this.failure = failure
  }
}

/** Turns a {@link TokenRejection} into the `PluginError` of its failure; returns any other value unchanged. */
export function asPluginError(error: unknown): unknown {
  if (!(error instanceof TokenRejection)) return error
  const { code, message, nextStep, returnValue } = error.failure
  return pluginError(code, returnValue === undefined ? message : `${message} (${returnValue})`, nextStep)
}
