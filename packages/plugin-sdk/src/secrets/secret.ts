import { createHmac, randomBytes } from "node:crypto"
import type { SecretHandle } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { abortReason } from "../calls/deadline.ts"

const longestSecretBytes = 65_536

/** Distinguishes versions without letting anyone who sees one test guesses of the secret. */
const versionKey = randomBytes(32)

/** Bytes of the handles that were made here, for {@link secret} to check: a handle itself returns them only later. */
const bytesAtHand = new WeakMap<SecretHandle, Uint8Array>()

/** Tells whether a value is a {@link SecretHandle}. */
export function isSecretHandle(value: unknown): value is SecretHandle {
  return (
    typeof value === "object" &&
    value !== null &&
    "version" in value &&
    typeof value.version === "string" &&
    "read" in value &&
    typeof value.read === "function"
  )
}

/**
 * Makes a handle for a secret whose bytes are at hand. It keeps its own copy, out of reach of `JSON.stringify` and
 * `util.inspect`.
 *
 * @param version - changes whenever the secret does; not secret itself
 */
export function secretFromBytes(bytes: Uint8Array, version: string): SecretHandle {
  const kept = unpooledCopy(bytes)
  const handle = Object.freeze({
    version,
    async read(signal: AbortSignal) {
      if (signal.aborted) throw abortReason(signal)
      return unpooledCopy(kept)
    },
  })
  bytesAtHand.set(handle, kept)
  return handle
}

/**
 * Makes the schema of a secret in a configuration: a text of 1 to 65,536 bytes as an administrator enters it, or the
 * `SecretHandle` with which the host has replaced it. Parsed, it is always a `SecretHandle`. Its JSON Schema has
 * `writeOnly: true`, which tells the host what belongs in the credential store.
 *
 * @param options.oneLine - refuses control characters, line ends among them, while the secret is being entered: with a
 * text or a handle of {@link secretFromBytes}. Default false. Stored secrets are not checked again.
 */
export function secret({ oneLine = false }: { readonly oneLine?: boolean } = {}) {
  return z
    .unknown()
    .transform((value, context): SecretHandle => {
      const problem = secretProblem(value) ?? (oneLine ? lineProblem(value) : undefined)
      if (problem === undefined && isSecretHandle(value)) return value
      if (problem === undefined && typeof value === "string") return secretFromText(value)
      context.issues.push({ code: "custom", message: problem ?? "", input: undefined })
      return z.NEVER
    })
    .meta({ type: "string", writeOnly: true, maxLength: longestSecretBytes })
}

function secretProblem(value: unknown): string | undefined {
  if (isSecretHandle(value)) return undefined
  if (value === undefined) return "is missing"
  if (typeof value !== "string") return "must be text or a reference to a secret"
  if (value === "") return "must not be empty"
  if (Buffer.byteLength(value) > longestSecretBytes) return `must be at most ${longestSecretBytes} bytes`
  return undefined
}

/** Checks bytes directly, because a string of them would stay in memory. */
function lineProblem(value: unknown): string | undefined {
  const bytes = isSecretHandle(value) ? bytesAtHand.get(value) : undefined
  // C0 and DEL are one byte each in UTF-8, and part of no other character.
  const broken =
    bytes?.some((byte) => byte < 0x20 || byte === 0x7f) ?? (typeof value === "string" && /\p{Cc}/u.test(value))
  return broken ? "must be one line without control characters: remove the line end" : undefined
}

function secretFromText(text: string): SecretHandle {
  const bytes = Buffer.from(text, "utf8")
  const version = `inline-${createHmac("sha256", versionKey).update(bytes).digest("hex").slice(0, 16)}`
  const handle = secretFromBytes(bytes, version)
  bytes.fill(0)
  return handle
}

/** Outside Buffer's shared pool, so that filling it with zeros leaves no copy there. */
function unpooledCopy(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
