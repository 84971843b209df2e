import { randomBytes } from "node:crypto"
import type { PKCS11 } from "pkcs11js"
import type { TokenKey, TokenOperations } from "./messages.ts"
import { type Pkcs11Module, TokenError, TokenRefusal, tokenError } from "./pkcs11.ts"
import type { Token } from "./token.ts"

type Handle = Buffer
type Encrypted = TokenOperations["encrypt"]["answer"]
type Decrypted = TokenOperations["decrypt"]["answer"]

/** First byte of each ciphertext: how it was made. */
const gcmWithOurIv = 1
const ivBytes = 12 // NIST SP 800-38D, §5.2.1.1
const tagBytes = 16
const headBytes = 1 + ivBytes
const probeLabel = Buffer.from("apeiro-cmk/probe")

/** Encrypts by AES-GCM under an initialization vector of ours. Format: 1, vector, bytes, tag. */
export async function encrypt(
  token: Token,
  { keyLabel, plaintext, associatedData }: TokenOperations["encrypt"]["request"],
): Promise<Encrypted> {
  return token.withKey(keyLabel, async (library, session, { handle, key }) => {
    requireUsable(key)
    try {
      const sealed = await seal({ library, constants: token.constants, session, handle }, plaintext, associatedData)
      return { ciphertext: sealed, checkValue: key.checkValue }
    } catch (native) {
      const error = tokenError(native)
      // Nothing is wrong with data that are to be encrypted: it is the token.
      if (error instanceof TokenError && error.meaning.consequence === "prove") token.restart()
      throw error
    }
  })
}

/**
 * Opens what {@link encrypt} made.
 *
 * Some tokens say nothing but "general error" to an altered ciphertext, which is what they say of a fault, too: then a
 * round trip that must succeed decides.
 */
export async function decrypt(
  token: Token,
  { keyLabel, ciphertext, associatedData }: TokenOperations["decrypt"]["request"],
): Promise<Decrypted> {
  const bytes = Buffer.from(ciphertext)
  if (bytes[0] !== gcmWithOurIv || bytes.length <= headBytes + tagBytes) throw refused()
  return token.withKey(keyLabel, async (library, session, { handle, key }) => {
    requireUsable(key)
    const use = { library, constants: token.constants, session, handle }
    try {
      return { plaintext: await open(use, bytes, associatedData), checkValue: key.checkValue }
    } catch (native) {
      const error = tokenError(native)
      if (!(error instanceof TokenError) || error.meaning.consequence !== "prove") throw error
      if (await works(use)) throw refused()
      token.restart()
      throw error
    }
  })
}

interface KeyUse {
  readonly library: PKCS11
  readonly constants: Pkcs11Module
  readonly session: Handle
  readonly handle: Handle
}

async function seal(use: KeyUse, plaintext: Uint8Array, associatedData: Uint8Array): Promise<Buffer> {
  const { library, session, handle } = use
  const iv = randomBytes(ivBytes)
  library.C_EncryptInit(session, mechanism(use.constants, iv, associatedData), handle)
  const room = Buffer.alloc(plaintext.length + tagBytes)
  const sealed = await library.C_EncryptAsync(session, Buffer.from(plaintext), room)
  return Buffer.concat([Uint8Array.of(gcmWithOurIv), iv, sealed])
}

async function open({ library, constants, session, handle }: KeyUse, bytes: Buffer, associatedData: Uint8Array) {
  const iv = bytes.subarray(1, headBytes)
  library.C_DecryptInit(session, mechanism(constants, iv, associatedData), handle)
  const room = Buffer.alloc(bytes.length)
  return library.C_DecryptAsync(session, bytes.subarray(headBytes), room)
}

/** Whether the token still does for this key what it must. */
async function works(use: KeyUse): Promise<boolean> {
  try {
    const sample = randomBytes(32)
    const opened = await open(use, await seal(use, sample, probeLabel), probeLabel)
    return sample.equals(opened)
  } catch {
    return false // whatever it was: the caller knows now that the token is at fault
  }
}

function mechanism(constants: Pkcs11Module, iv: Buffer, associatedData: Uint8Array) {
  return {
    mechanism: constants.CKM_AES_GCM,
    parameter: {
      type: constants.CK_PARAMS_AES_GCM,
      iv,
      ivBits: ivBytes * 8,
      aad: Buffer.from(associatedData),
      tagBits: tagBytes * 8,
    },
  }
}

/** A key that could leave the token is no L1 key (REQ-009). */
function requireUsable({ extractable, sensitive, encrypts, decrypts }: TokenKey): void {
  if (extractable || !sensitive) throw new TokenRefusal("KEY_UNSUITABLE", "The key could leave the HSM.")
  if (!encrypts || !decrypts)
    throw new TokenRefusal("KEY_UNSUITABLE", "The key's attributes do not let it encrypt and decrypt.")
}

function refused(): TokenRefusal {
  return new TokenRefusal("CIPHERTEXT_REJECTED", "The ciphertext is altered, or of another context or key.")
}
