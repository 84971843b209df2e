import { type CipherGCMTypes, createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { badRequest } from "./dsm-error.ts"

/** The result of an encryption; the mode determines which parts it has. */
export interface Sealed {
  readonly cipher: Buffer
  readonly iv?: Buffer
  readonly tag?: Buffer
}

/** Parameters of one use of a mode. */
export interface ModeParameters {
  readonly mode: string
  readonly iv?: Buffer | undefined
  readonly ad?: Buffer | undefined
  readonly tag?: Buffer | undefined
  /** Bits. */
  readonly tagLength?: number | undefined
}

const keyWrapVector = Buffer.from("a6a6a6a6a6a6a6a6", "hex") // RFC 3394 §2.2.3.1
const paddedKeyWrapVector = Buffer.from("a65959a6", "hex") // RFC 5649 §3
const tagLengths = [32, 64, 96, 104, 112, 120, 128]
const vectorBytes = 12

/** Encrypts under bare AES key material. @throws {DsmError} 400 - the mode does not support it */
export function sealAes(key: Buffer, plain: Buffer, parameters: ModeParameters): Sealed {
  const { mode, ad, iv, tagLength } = parameters
  const bits = key.length * 8
  switch (mode) {
    case "GCM": {
      if (tagLength === undefined || !tagLengths.includes(tagLength)) throw badRequest("tag_len is needed for GCM")
      const vector = iv ?? randomBytes(vectorBytes)
      return possible("Encryption", () => {
        const cipher = createCipheriv(gcm(bits), key, vector, { authTagLength: tagLength / 8 })
        if (ad !== undefined) cipher.setAAD(ad)
        return { cipher: Buffer.concat([cipher.update(plain), cipher.final()]), iv: vector, tag: cipher.getAuthTag() }
      })
    }
    case "CBC": {
      requireNone("ad", ad)
      const vector = iv ?? randomBytes(16)
      return possible("Encryption", () => {
        const cipher = createCipheriv(`aes-${bits}-cbc`, key, vector)
        return { cipher: Buffer.concat([cipher.update(plain), cipher.final()]), iv: vector }
      })
    }
    case "KW":
    case "KWP": {
      requireNone("ad", ad)
      requireNone("iv", iv)
      return possible("Encryption", () => {
        const cipher = createCipheriv(wrapping(bits, mode), key, vectorOf(mode))
        return { cipher: Buffer.concat([cipher.update(plain), cipher.final()]) }
      })
    }
    default:
      throw badRequest("The mode is not supported for this key")
  }
}

/** Decrypts. @throws {DsmError} 400 - altered, of other associated data, or of another mode */
export function openAes(key: Buffer, cipherText: Buffer, parameters: ModeParameters): Buffer {
  const { mode, ad, iv, tag } = parameters
  const bits = key.length * 8
  switch (mode) {
    case "GCM": {
      if (iv === undefined || tag === undefined) throw badRequest("iv and tag are needed for GCM")
      return possible("Decryption", () => {
        const cipher = createDecipheriv(gcm(bits), key, iv, { authTagLength: tag.length })
        if (ad !== undefined) cipher.setAAD(ad)
        cipher.setAuthTag(tag)
        return Buffer.concat([cipher.update(cipherText), cipher.final()])
      })
    }
    case "CBC": {
      requireNone("ad", ad)
      if (iv === undefined) throw badRequest("iv is needed for CBC")
      return possible("Decryption", () => {
        const cipher = createDecipheriv(`aes-${bits}-cbc`, key, iv)
        return Buffer.concat([cipher.update(cipherText), cipher.final()])
      })
    }
    case "KW":
    case "KWP": {
      requireNone("ad", ad)
      return possible("Decryption", () => {
        const cipher = createDecipheriv(wrapping(bits, mode), key, vectorOf(mode))
        return Buffer.concat([cipher.update(cipherText), cipher.final()])
      })
    }
    default:
      throw badRequest("The mode is not supported for this key")
  }
}

/** DSM refuses what OpenSSL refuses: lengths, tags, paddings. */
function possible<Result>(what: "Encryption" | "Decryption", work: () => Result): Result {
  try {
    return work()
  } catch {
    throw badRequest(
      `${what} failed: invalid ${what === "Encryption" ? "vector or length" : "ciphertext, tag or length"}`,
    )
  }
}

function gcm(bits: number): CipherGCMTypes {
  return `aes-${bits}-gcm` as CipherGCMTypes
}

function wrapping(bits: number, mode: "KW" | "KWP"): string {
  return `id-aes${bits}-wrap${mode === "KWP" ? "-pad" : ""}`
}

function vectorOf(mode: "KW" | "KWP"): Buffer {
  return mode === "KWP" ? paddedKeyWrapVector : keyWrapVector
}

function requireNone(name: string, value: Buffer | undefined): void {
  if (value !== undefined && value.length > 0) throw badRequest(`${name} is not allowed in this mode`)
}
