import { randomBytes } from "node:crypto"
import { gcmOverheadBytes, type KeyUse, openByGcm, openByTokenVector, sealByGcm, sealByTokenVector } from "./gcm.ts"
import { keyWrapOverheadBytes, openByKeyWrap, sealByKeyWrap } from "./key-wrap.ts"
import { mechanismMarks } from "./mechanisms.ts"
import type { TokenKey, TokenOperations } from "./messages.ts"
import { TokenError, TokenRefusal, tokenError } from "./pkcs11.ts"
import type { Token } from "./token.ts"

type Encrypted = TokenOperations["encrypt"]["answer"]
type Decrypted = TokenOperations["decrypt"]["answer"]

const { gcmWithOurVector, gcmWithTokenVector, keyWrap } = mechanismMarks

const probeLabel = Buffer.from("apeiro-cmk/probe")

/**
 * Encrypts by AES-GCM with an initialization vector of ours; where the token or the key does not support that, with one
 * of the token's, or by AES key wrap. The token's abilities are found by trying, never assumed.
 */
export async function encrypt(
  token: Token,
  { keyLabel, plaintext, associatedData }: TokenOperations["encrypt"]["request"],
): Promise<Encrypted> {
  return token.withKey(keyLabel, undefined, async (library, session, { handle, key }, version) => {
    requireUsable(key)
    const use = { library, constants: token.constants, session, handle }
    const ciphertext = await seal(use, key, plaintext, associatedData)
    return { ciphertext, version, checkValue: key.checkValue }
  })
}

async function seal(use: KeyUse, key: TokenKey, plaintext: Uint8Array, associatedData: Uint8Array) {
  let refusal: unknown
  for (const [mark, sealer, isFor] of sealers) {
    if (!isFor(key)) continue
    try {
      const sealed = await sealer(use, plaintext, associatedData)
      if (sealed !== undefined) return marked(mark, sealed)
    } catch (native) {
      refusal = tokenError(native)
      if (!(refusal instanceof TokenError) || refusal.meaning.code !== "KEY_UNSUITABLE") throw refusal
    }
  }
  throw (
    refusal ??
    new TokenRefusal("KEY_UNSUITABLE", "The token performs AES-GCM in a way that the plugin does not support.")
  )
}

type Sealer = (use: KeyUse, plaintext: Uint8Array, associatedData: Uint8Array) => Promise<Buffer | undefined>

const encrypts = (key: TokenKey) => key.encrypts && key.decrypts

/** In the order of preference. */
const sealers: readonly (readonly [mark: number, sealer: Sealer, isFor: (key: TokenKey) => boolean])[] = [
  [gcmWithOurVector, sealByGcm, encrypts],
  [gcmWithTokenVector, sealByTokenVector, encrypts],
  [keyWrap, sealByKeyWrap, (key) => key.wraps && key.unwraps],
]

/**
 * Decrypts the output of {@link encrypt}.
 *
 * Some tokens answer an altered ciphertext with the same "general error" as a fault: then a round trip that must
 * succeed decides.
 */
export async function decrypt(
  token: Token,
  { keyLabel, version, ciphertext, associatedData }: TokenOperations["decrypt"]["request"],
): Promise<Decrypted> {
  const bytes = Buffer.from(ciphertext)
  const open = openerOf(bytes)
  const sealed = bytes.subarray(1)
  return token.withKey(keyLabel, version, async (library, session, { handle, key }) => {
    requireUsable(key)
    const use = { library, constants: token.constants, session, handle }
    try {
      const plaintext = await open(use, sealed, associatedData)
      if (plaintext === undefined) throw refused()
      return { plaintext, checkValue: key.checkValue }
    } catch (native) {
      const error = tokenError(native)
      if (!(error instanceof TokenError) || error.meaning.consequence !== "prove") throw error
      throw (await works(use, key)) ? refused() : error
    }
  })
}

type Opener = (use: KeyUse, sealed: Buffer, associatedData: Uint8Array) => Promise<Buffer | undefined>

/** @throws {TokenRefusal} CIPHERTEXT_REJECTED - not a ciphertext of this plugin */
function openerOf(bytes: Buffer): Opener {
  if (bytes[0] === gcmWithOurVector && bytes.length > 1 + gcmOverheadBytes) return openByGcm
  if (bytes[0] === gcmWithTokenVector) return openByTokenVector
  const wrapped = bytes.length - 1
  if (bytes[0] === keyWrap && wrapped >= keyWrapOverheadBytes && wrapped % 8 === 0) return openByKeyWrap
  throw refused()
}

/** Tells whether a round trip with this key succeeds. */
async function works(use: KeyUse, key: TokenKey): Promise<boolean> {
  try {
    const sample = randomBytes(32)
    const sealed = Buffer.from(await seal(use, key, sample, probeLabel))
    const opened = await openerOf(sealed)(use, sealed.subarray(1), probeLabel)
    return opened !== undefined && sample.equals(opened)
  } catch {
    return false // any failure here shows that the token is at fault
  }
}

function marked(mark: number, sealed: Buffer): Buffer {
  return Buffer.concat([Uint8Array.of(mark), sealed])
}

/** A key that could leave the token must not be an L1 key (REQ-009). */
function requireUsable({ extractable, sensitive, encrypts, decrypts, wraps, unwraps }: TokenKey): void {
  if (extractable || !sensitive) throw new TokenRefusal("KEY_UNSUITABLE", "The key could leave the HSM.")
  if ((encrypts && decrypts) || (wraps && unwraps)) return
  throw new TokenRefusal(
    "KEY_UNSUITABLE",
    "The key's attributes permit neither encrypting and decrypting nor wrapping and unwrapping.",
  )
}

function refused(): TokenRefusal {
  return new TokenRefusal("CIPHERTEXT_REJECTED", "The ciphertext was altered, or belongs to another context or key.")
}
