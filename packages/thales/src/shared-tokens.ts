import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import { closed, type TokenClient } from "./client.ts"
import type { TokenOperation, TokenOperations } from "./token/messages.ts"

interface Shared {
  readonly token: TokenClient
  users: number
}

/**
 * Tokens by everything that a login at them depends on: keystores that differ in the label of the key alone share one
 * process, which ends with its last user.
 */
export class SharedTokens {
  readonly #tokens = new Map<string, Shared>()

  /** Takes a share in a token. @param name - the same only for the same tenant, token and PIN */
  borrow(name: string, make: () => TokenClient): TokenClient {
    const shared = this.#tokens.get(name) ?? { token: make(), users: 0 }
    shared.users += 1
    this.#tokens.set(name, shared)
    return new BorrowedToken(shared.token, async () => {
      shared.users -= 1
      if (shared.users > 0) return
      this.#tokens.delete(name)
      await shared.token.close()
    })
  }
}

/** One share; closing it ends its own calls, and the token with the last share. */
class BorrowedToken implements TokenClient {
  readonly #token: TokenClient
  readonly #release: () => Promise<void>
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  constructor(token: TokenClient, release: () => Promise<void>) {
    this.#token = token
    this.#release = release
  }

  ask<Operation extends TokenOperation>(
    operation: Operation,
    request: TokenOperations[Operation]["request"],
    call: Pick<CallOptions, "signal">,
  ): Promise<TokenOperations[Operation]["answer"]> {
    const signal = AbortSignal.any([this.#closing.signal, call.signal])
    return this.#token.ask(operation, request, { signal })
  }

  isOpen(): boolean {
    return this.#token.isOpen()
  }

  close(): Promise<void> {
    this.#closing.abort(closed())
    this.#closed ??= this.#release()
    return this.#closed
  }
}
