import { createHash, timingSafeEqual } from "node:crypto"
import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import { decodeBase64, jsonWithBytes } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import type { DsmClient } from "./client.ts"
import { asksForApproval, dsmError, unexpectedAnswer } from "./errors.ts"
import type { DsmAnswer } from "./messages.ts"

/** The way in which a wrap is bound to its context: as associated data, or by a digest wrapped in front of the key. */
export type WrapMode = "GCM" | "KWP"

/** An answer in which DSM refused; the key's state says why. */
export interface Refusal {
  readonly refused: DsmAnswer
}

const format = 1
const modeBytes: Readonly<Record<WrapMode, number>> = { GCM: 1, KWP: 2 }
const headBytes = 2
const vectorBytes = 12
const tagBytes = 16
const digestBytes = 32
const longestCipherBytes = 16_384

const base64 = (bytes: number) =>
  z
    .string()
    .max(Math.ceil(longestCipherBytes / 3) * 4)
    .transform((text, context) => {
      const decoded = decodeBase64(Buffer.from(text, "latin1"))
      if (decoded !== undefined && (bytes === 0 || decoded.length === bytes)) return decoded
      context.addIssue({ code: "custom", message: "is not the expected base64" })
      return z.NEVER
    })
const gcmShape = z.object({ kid: z.guid(), cipher: base64(0), iv: base64(vectorBytes), tag: base64(tagBytes) })
const kwpShape = z.object({ kid: z.guid(), cipher: base64(0) })

/** Wraps under one version of a key. The ciphertext states its mode; DSM generates the initialization vector. */
export async function wrap(
  client: DsmClient,
  { kid, mode, plaintext, associatedData }: WrapRequest & { readonly plaintext: Uint8Array },
  call: CallOptions,
): Promise<Buffer | Refusal> {
  const content = mode === "GCM" ? plaintext : Buffer.concat([digestOf(associatedData), plaintext])
  const body =
    mode === "GCM"
      ? jsonWithBytes({ plain: content, ad: associatedData }, { alg: "AES", mode, tag_len: tagBytes * 8 })
      : jsonWithBytes({ plain: content }, { alg: "AES", mode })
  if (mode === "KWP") content.fill(0)
  const answer = await send(client, `/crypto/v1/keys/${kid}/encrypt`, body, call)
  if (answer.status !== 200) return refusalOf(answer)
  const head = Buffer.from([format, modeBytes[mode]])
  if (mode === "KWP") {
    const sealed = kwpShape.safeParse(answer.json)
    if (!sealed.success || sealed.data.kid.toLowerCase() !== kid) throw unexpectedAnswer(answer)
    return Buffer.concat([head, sealed.data.cipher])
  }
  const sealed = gcmShape.safeParse(answer.json)
  // Another length cannot come from AES-GCM.
  if (!sealed.success || sealed.data.kid.toLowerCase() !== kid || sealed.data.cipher.length !== plaintext.length) {
    throw unexpectedAnswer(answer)
  }
  return Buffer.concat([head, sealed.data.iv, sealed.data.tag, sealed.data.cipher])
}

/** Unwraps the output of {@link wrap}. @throws {PluginError} CIPHERTEXT_REJECTED - malformed, or of another context */
export async function unwrap(
  client: DsmClient,
  { kid, ciphertext, associatedData }: Omit<WrapRequest, "mode"> & { readonly ciphertext: Uint8Array },
  call: CallOptions,
): Promise<Uint8Array | Refusal> {
  const mode = modeOf(ciphertext)
  if (mode === undefined) throw dsmError("ciphertextRefused")
  const parts = Buffer.from(ciphertext.subarray(headBytes))
  const body =
    mode === "GCM"
      ? jsonWithBytes(
          {
            iv: parts.subarray(0, vectorBytes),
            tag: parts.subarray(vectorBytes, vectorBytes + tagBytes),
            cipher: parts.subarray(vectorBytes + tagBytes),
            ad: associatedData,
          },
          { alg: "AES", mode },
        )
      : jsonWithBytes({ cipher: parts }, { alg: "AES", mode })
  const answer = await send(client, `/crypto/v1/keys/${kid}/decrypt`, body, call, "plain")
  if (answer.status !== 200) return refusalOf(answer)
  if (answer.secret === undefined) throw unexpectedAnswer(answer)
  return mode === "GCM" ? answer.secret : contentOf(answer.secret, associatedData)
}

/** Returns the mode of a ciphertext; `undefined` when it is too short, or not of this plugin. */
export function modeOf(ciphertext: Uint8Array): WrapMode | undefined {
  const [first, second] = ciphertext
  if (first !== format) return undefined
  if (second === modeBytes.GCM && ciphertext.length > headBytes + vectorBytes + tagBytes) return "GCM"
  return second === modeBytes.KWP && ciphertext.length > headBytes + digestBytes ? "KWP" : undefined
}

interface WrapRequest {
  /** Id of the version. */
  readonly kid: string
  readonly mode: WrapMode
  readonly associatedData: Uint8Array
}

async function send(client: DsmClient, path: string, body: Buffer, call: CallOptions, secretField?: string) {
  try {
    return await client.request(
      { method: "POST", path, body, ...(secretField === undefined ? {} : { secretField }) },
      call,
    )
  } finally {
    body.fill(0)
  }
}

function refusalOf(answer: DsmAnswer): Refusal {
  if (asksForApproval(answer)) throw dsmError("approvalForUse", answer)
  return { refused: answer }
}

function contentOf(opened: Uint8Array, associatedData: Uint8Array): Uint8Array {
  try {
    const digest = opened.subarray(0, digestBytes)
    if (opened.length > digestBytes && timingSafeEqual(digest, digestOf(associatedData))) {
      const content = Buffer.allocUnsafeSlow(opened.length - digestBytes)
      content.set(opened.subarray(digestBytes))
      return content
    }
  } finally {
    opened.fill(0)
  }
  throw dsmError("ciphertextRefused")
}

function digestOf(associatedData: Uint8Array): Buffer {
  return createHash("sha256").update(associatedData).digest()
}
