import type { IncomingMessage, ServerResponse } from "node:http"
import express from "express"
import { callerError, HttpApiError, invalidRequest } from "../errors.ts"
import { repeatedKey } from "./repeated-key.ts"

/** Longest body of a request, in bytes. */
export const bodyLimitBytes = 256 * 1024

/** Deepest nesting of a JSON body. */
export const deepestNesting = 32

const readRaw = express.raw({ type: () => true, limit: bodyLimitBytes, inflate: false })

/**
 * Reads the JSON body of a request.
 *
 * @returns the parsed value; an empty object when the request has no body
 * @throws {HttpApiError} CONTENT_TYPE_UNSUPPORTED - anything but `application/json` in UTF-8 without compression
 * @throws {HttpApiError} BODY_TOO_LARGE - over {@link bodyLimitBytes}
 * @throws {HttpApiError} INVALID_REQUEST - not UTF-8, not JSON, nested too deeply, a key twice, or cut off
 */
export async function readJsonBody(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  if (!hasBody(request)) return {}
  checkContentType(request.headers["content-type"], request.headers["content-encoding"])
  if (isHopeless(request)) throw tooLarge()
  // A caller that asks first sends its body only now: a refused one never sends it.
  if (waitsForContinue(request)) response.writeContinue()
  const bytes = await readBytes(request, response)
  return bytes.length === 0 ? {} : parseJson(bytes)
}

/** Tells whether a request has a body: one of these headers says so (RFC 9112 §6.3). */
function hasBody(request: IncomingMessage): boolean {
  const length = request.headers["content-length"]
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) !== 0)
}

/**
 * Tells whether a refused request leaves more unread than is worth reading: the connection must end then, or the rest
 * would be taken for the next request. A short rest is read and dropped, so that the caller is sure to get the answer.
 */
export function leavesTooMuchUnread(request: IncomingMessage): boolean {
  if (!hasBody(request) || request.complete) return false
  const length = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY)
  return waitsForContinue(request) || length > bodyLimitBytes
}

function waitsForContinue(request: IncomingMessage): boolean {
  return request.headers.expect?.toLowerCase() === "100-continue"
}

/** Tells whether a body is too long by its own header, and either not sent yet or not worth reading to its end. */
function isHopeless(request: IncomingMessage): boolean {
  const length = Number(request.headers["content-length"] ?? 0)
  return length > bodyLimitBytes && (waitsForContinue(request) || length > 64 * bodyLimitBytes)
}

function checkContentType(contentType: string | undefined, contentEncoding: string | undefined): void {
  const [type = "", ...parameters] = (contentType ?? "").split(";").map((part) => part.trim().toLowerCase())
  const charsets = parameters.filter((parameter) => parameter.startsWith("charset="))
  const isUtf8 = charsets.every((charset) => /^charset="?utf-?8"?$/.test(charset))
  const isPlain = contentEncoding === undefined || contentEncoding.toLowerCase() === "identity"
  if (type === "application/json" && isUtf8 && isPlain) return
  throw callerError(
    "CONTENT_TYPE_UNSUPPORTED",
    "The body must be JSON in UTF-8, without compression.",
    "Send the header `Content-Type: application/json`.",
  )
}

function readBytes(request: IncomingMessage, response: ServerResponse): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const carrier: IncomingMessage & { body?: unknown } = request
    readRaw(carrier, response, (error?: unknown) => {
      if (error === undefined) resolve(Buffer.isBuffer(carrier.body) ? carrier.body : Buffer.alloc(0))
      else reject(bodyError(error))
    })
  })
}

function bodyError(error: unknown): Error {
  const type = error instanceof Error && "type" in error ? error.type : undefined
  if (type === "entity.too.large") return tooLarge()
  return new HttpApiError("INVALID_REQUEST", "The body ended early.", {
    origin: "caller",
    retryable: true,
    nextStep: "Send the request again, with a body of the length that its headers state.",
    cause: error,
  })
}

function tooLarge(): HttpApiError {
  return callerError(
    "BODY_TOO_LARGE",
    `The body is longer than ${bodyLimitBytes} bytes.`,
    "Send less in one request; a batch can be split.",
  )
}

function parseJson(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    checkNesting(text)
    const value: unknown = JSON.parse(text, refusePrototype)
    const repeated = repeatedKey(text)
    if (repeated === undefined) return value
    throw invalidRequest("The body has a key twice.", [{ path: [...repeated], message: "occurs twice in one object" }])
  } catch (error) {
    if (error instanceof HttpApiError) throw error
    // The parser's own message quotes the body, which may hold a secret.
    throw invalidRequest("The body is not JSON.", [{ path: [], message: "must be JSON text in UTF-8" }])
  }
}

/** `__proto__` as a key would vanish on the way into an object instead of being refused as an unknown one. */
function refusePrototype(key: string, value: unknown): unknown {
  if (key !== "__proto__") return value
  throw invalidRequest("The body has a key that is never valid.", [{ path: [key], message: "is not a known field" }])
}

/** Counts brackets outside of strings, before the parser recurses into them. */
function checkNesting(text: string): void {
  let depth = 0
  let inString = false
  for (let position = 0; position < text.length; position++) {
    const character = text[position]
    if (inString) {
      if (character === "\\") position++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === "{" || character === "[") depth++
    else if (character === "}" || character === "]") depth--
    if (depth > deepestNesting) {
      throw invalidRequest("The body is nested too deeply.", [
        { path: [], message: `must have at most ${deepestNesting} levels of objects and lists` },
      ])
    }
  }
}
