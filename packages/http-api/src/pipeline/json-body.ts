import type { IncomingMessage, ServerResponse } from "node:http"
import { callerError, HttpApiError, invalidRequest } from "../errors.ts"
import { endOfString, repeatedKey } from "./repeated-key.ts"
import { bodyLimitBytes, hasBody, waitsForContinue } from "./unread-body.ts"

/** Deepest nesting of a JSON body. */
export const deepestNesting = 32
/** Most fields and entries of a JSON body, those of its objects and lists together. */
export const mostValues = 4096
/** Most pieces in which a body may come: each costs the same, however short it is. */
const mostPieces = 4096

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
  if (Number(request.headers["content-length"] ?? 0) > bodyLimitBytes) throw tooLarge()
  // A caller that asks first sends its body only now: a refused one never sends it.
  if (waitsForContinue(request)) response.writeContinue()
  const bytes = await readBytes(request)
  return bytes.length === 0 ? {} : parseJson(bytes)
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

/** Reads a body up to the limit, and leaves the rest of a longer one unread. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // A caller that has gone by now sends no event any more.
    if (request.destroyed) return reject(endedEarly(undefined))
    const chunks: Buffer[] = []
    let length = 0
    const stop = () => request.off("data", take).off("end", end).off("close", cut).off("error", cut)
    const take = (chunk: Buffer) => {
      length += chunk.length
      if (length <= bodyLimitBytes && chunks.length < mostPieces) {
        chunks.push(chunk)
        return
      }
      stop()
      request.pause()
      reject(length > bodyLimitBytes ? tooLarge() : tooManyPieces())
    }
    const end = () => {
      stop()
      resolve(Buffer.concat(chunks, length))
    }
    const cut = (cause?: unknown) => {
      stop()
      reject(endedEarly(cause))
    }
    request.on("data", take).once("end", end).once("close", cut).once("error", cut)
  })
}

function endedEarly(cause: unknown): HttpApiError {
  return new HttpApiError("INVALID_REQUEST", "The body ended early.", {
    origin: "caller",
    retryable: true,
    nextStep: "Send the request again, with a body of the length that its headers state.",
    cause,
  })
}

function tooLarge(): HttpApiError {
  return callerError(
    "BODY_TOO_LARGE",
    `The body is longer than ${bodyLimitBytes} bytes.`,
    "Send less in one request; a batch can be split.",
  )
}

function tooManyPieces(): HttpApiError {
  return callerError(
    "BODY_TOO_LARGE",
    `The body comes in more than ${mostPieces} pieces.`,
    "Send it with a `Content-Length`, or in larger pieces.",
  )
}

function parseJson(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    checkStructure(text)
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

/** Counts brackets and commas outside of strings, before the parser works through all that is between them. */
function checkStructure(text: string): void {
  let depth = 0
  let values = 1
  for (let position = 0; position < text.length; position++) {
    const character = text.charCodeAt(position)
    if (character === quotationMark) position = endOfString(text, position)
    else if (character === comma) values++
    else if (isOpening(character)) depth++
    else if (isClosing(character)) depth--
    if (depth > deepestNesting) {
      throw invalidRequest("The body is nested too deeply.", [
        { path: [], message: `must have at most ${deepestNesting} levels of objects and lists` },
      ])
    }
    if (values > mostValues) {
      throw invalidRequest("The body has too many values.", [
        { path: [], message: `must have at most ${mostValues} fields and entries` },
      ])
    }
  }
}

const [quotationMark, comma] = [0x22, 0x2c]

function isOpening(character: number): boolean {
  return character === 0x5b || character === 0x7b
}

function isClosing(character: number): boolean {
  return character === 0x5d || character === 0x7d
}
