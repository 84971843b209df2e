import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import type { FromToken, TokenFailure, TokenOperation, TokenOperations, ToToken } from "./messages.ts"
import { TokenError, TokenMismatch, TokenRefusal, tokenError } from "./pkcs11.ts"
import { Token } from "./token.ts"
import { decrypt, encrypt } from "./wrap.ts"

/** Set in the environment of a process that is to be a token's. */
export const tokenProcessVariable = "APEIRO_CMK_TOKEN_PROCESS"

type Handlers = {
  readonly [Operation in TokenOperation]: (
    request: TokenOperations[Operation]["request"],
  ) => Promise<TokenOperations[Operation]["answer"]>
}

/** Serves one token to the process that forked this one, until that one lets go. */
export function runTokenProcess(): void {
  let token: Token | undefined
  const entered = (): Token => {
    if (token !== undefined) return token
    throw new TokenMismatch("The process was asked before it was told which token it serves.")
  }
  const handlers: Handlers = {
    async open({ settings, pin, environment }) {
      Object.assign(process.env, environment)
      token = new Token(settings, Buffer.from(pin).toString("utf8"))
      return token.facts()
    },
    facts: () => entered().facts(),
    encrypt: (request) => encrypt(entered(), request),
    decrypt: (request) => decrypt(entered(), request),
    describe: ({ keyLabel }) => entered().describe(keyLabel),
    async generate({ keyLabel }) {
      await entered().generate(keyLabel)
      return {}
    },
    async rotate({ keyLabel }) {
      await entered().rotate(keyLabel)
      return {}
    },
    async destroy({ keyLabel }) {
      await entered().destroy(keyLabel)
      return {}
    },
  }
  process.on("message", (message: ToToken) => {
    if (message.kind === "ping") send({ kind: "pong", id: message.id })
    else void answer(handlers, message)
  })
  // Whoever forked this process is gone, or does not want it any more. An orderly exit would wait for threads that hang.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"))
}

async function answer(handlers: Handlers, message: Extract<ToToken, { kind: "request" }>): Promise<void> {
  const { id, operation, request } = message
  try {
    const handle = handlers[operation] as (request: unknown) => Promise<unknown>
    send({ kind: "answer", id, answer: await handle(request) })
  } catch (error) {
    send({ kind: "failure", id, failure: failureOf(tokenError(error)) })
  }
}

function send(message: FromToken): void {
  process.send?.(message)
}

const askVendor = "Report it with the version of the HSM's client software."

/** What may be said of an error; what is not known is not quoted. */
function failureOf(error: unknown): TokenFailure {
  if (error instanceof TokenError) {
    const { code, message, nextStep, name } = error.meaning
    return { code, message, nextStep, returnValue: name }
  }
  if (error instanceof TokenMismatch) {
    return {
      code: "UNREACHABLE",
      message: error.message,
      nextStep: "Check partition_label, serial_numbers and module.",
    }
  }
  if (error instanceof TokenRefusal)
    return { code: error.code, message: error.message, nextStep: nextSteps[error.code] ?? askVendor }
  return {
    code: "INTERNAL",
    message: "The token's process failed in a way that it does not know.",
    nextStep: askVendor,
  }
}

const nextSteps: Readonly<Partial<Record<PluginErrorCode, string>>> = {
  KEY_NOT_FOUND: "Check key_label; make the key as the set-up material shows.",
  KEY_UNSUITABLE: "Make another key as the set-up material shows.",
  CIPHERTEXT_REJECTED: "Use the ciphertext with the tenant, key and version that it was made for.",
}
