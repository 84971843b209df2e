import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { endWithParent, watchParentVariable } from "./end-with-parent.ts"
import type {
  AnyOperationRequest,
  FromToken,
  TokenFailure,
  TokenOperation,
  TokenOperations,
  ToToken,
} from "./messages.ts"
import { LoginNeeded, TokenError, TokenMismatch, TokenRefusal, tokenError } from "./pkcs11.ts"
import { Token } from "./token.ts"
import { decrypt, encrypt } from "./wrap.ts"

/** Environment variable that makes a process serve a token. */
export const tokenProcessVariable = "APEIRO_CMK_TOKEN_PROCESS"

type Handlers = {
  readonly [Operation in TokenOperation]: (
    request: TokenOperations[Operation]["request"],
  ) => Promise<TokenOperations[Operation]["answer"]>
}

/** Serves one token to the process that forked this one, until that process disconnects. */
export function runTokenProcess(): void {
  if (process.env[watchParentVariable] === "1") endWithParent()
  let token: Token | undefined
  const entered = (): Token => {
    if (token !== undefined) return token
    throw new TokenMismatch("The process received an operation before it knew its token.")
  }
  const handlers: Handlers = {
    async locate({ settings, environment }) {
      Object.assign(process.env, environment)
      token ??= new Token(settings)
      return token.locate()
    },
    async open({ pin }) {
      try {
        return await entered().logIn(Buffer.from(pin).toString("utf8"))
      } finally {
        pin.fill(0)
      }
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
  // The parent has ended, or no longer needs this process. An orderly exit would wait for threads that hang.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"))
}

async function answer<Operation extends TokenOperation>(
  handlers: Handlers,
  { id, operation, request }: AnyOperationRequest<Operation>,
): Promise<void> {
  try {
    send({ kind: "answer", id, answer: await handlers[operation](request) })
  } catch (error) {
    send({ kind: "failure", id, failure: failureOf(tokenError(error)) })
  }
}

function send(message: FromToken): void {
  process.send?.(message)
}

const loginEnded = new TokenMismatch("The login with the HSM has ended.")
const report = "Report this fault with the version of the HSM's client software."

/** Describes an error without quoting any text that may hold a secret. */
function failureOf(error: unknown): TokenFailure {
  if (error instanceof LoginNeeded) return { ...failureOf(error.cause ?? loginEnded), needsLogin: true }
  if (error instanceof TokenError) {
    const { code, message, nextStep, name, refusesPin = false } = error.meaning
    return { code, message, nextStep, returnValue: name, refusesPin }
  }
  if (error instanceof TokenMismatch) {
    return {
      code: "UNREACHABLE",
      message: error.message,
      nextStep: "Check partition_label, serial_numbers and module.",
    }
  }
  if (error instanceof TokenRefusal)
    return { code: error.code, message: error.message, nextStep: nextSteps[error.code] ?? report }
  return {
    code: "INTERNAL",
    message: "The token's process failed unexpectedly.",
    nextStep: report,
  }
}

const nextSteps: Readonly<Partial<Record<PluginErrorCode, string>>> = {
  CREDENTIAL_REJECTED: "Have the partition's security officer reset the PIN's attempts, then check the keystore's PIN.",
  KEY_NOT_FOUND: "Check key_label, or generate the key with the commands of the set-up material.",
  KEY_UNSUITABLE: "Generate another key with the commands of the set-up material.",
  CIPHERTEXT_REJECTED: "Use the ciphertext with the tenant, key and version for which it was made.",
}
