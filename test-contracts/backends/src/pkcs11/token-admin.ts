import { createRequire } from "node:module"
import type * as pkcs11js from "pkcs11js"
import { BackendUnavailable } from "../unavailable.ts"

const serial = 4
const readWrite = 2
const withThreads = 2

/** Requires the binding for PKCS#11. @throws {BackendUnavailable} it is missing */
export async function requireTokenBinding(): Promise<void> {
  try {
    createRequire(import.meta.url)("pkcs11js")
  } catch {
    throw new BackendUnavailable("pkcs11js was not built: it needs a C++ compiler when it is installed")
  }
}

/** The second route into tokens: the same library in the test's own process, bypassing the plugin. */
export class TokenAdmin {
  readonly #constants: typeof pkcs11js
  readonly #library: pkcs11js.PKCS11
  readonly #pin: string

  /** @param environment - the variables by which the library finds its tokens */
  constructor(module: string, environment: Readonly<Record<string, string>>, pin: string) {
    Object.assign(process.env, environment)
    this.#pin = pin
    // This add-on is compiled on installation: tests without a token need no compiler.
    this.#constants = createRequire(import.meta.url)("pkcs11js")
    this.#library = new this.#constants.PKCS11()
    this.#library.load(module)
    this.#library.C_Initialize({ flags: withThreads })
  }

  /** Creates a key as the set-up material describes, except for the given attributes. */
  createKey(token: string, label: string, more: pkcs11js.Template = []): void {
    this.#inSession(token, (session) => {
      const template: pkcs11js.Template = [
        ...this.#keyTemplate(label),
        { type: this.#constants.CKA_VALUE_LEN, value: 32 },
        { type: this.#constants.CKA_WRAP, value: false },
        { type: this.#constants.CKA_UNWRAP, value: false },
      ]
      const kept = template.filter(({ type }) => !more.some((other) => other.type === type))
      this.#library.C_GenerateKey(session, { mechanism: this.#constants.CKM_AES_KEY_GEN }, [...kept, ...more])
    })
  }

  /** Puts a key with known material into a token, as an appliance does when a key is cloned to it. */
  putKey(token: string, label: string, material: Buffer): void {
    this.#inSession(token, (session) => {
      const value = { type: this.#constants.CKA_VALUE, value: material }
      this.#library.C_CreateObject(session, [...this.#keyTemplate(label), value])
    })
  }

  /** An AES key that stays in its token. */
  #keyTemplate(label: string): pkcs11js.Template {
    return [
      { type: this.#constants.CKA_CLASS, value: this.#constants.CKO_SECRET_KEY },
      { type: this.#constants.CKA_KEY_TYPE, value: this.#constants.CKK_AES },
      { type: this.#constants.CKA_LABEL, value: label },
      { type: this.#constants.CKA_TOKEN, value: true },
      { type: this.#constants.CKA_PRIVATE, value: true },
      { type: this.#constants.CKA_SENSITIVE, value: true },
      { type: this.#constants.CKA_EXTRACTABLE, value: false },
      { type: this.#constants.CKA_ENCRYPT, value: true },
      { type: this.#constants.CKA_DECRYPT, value: true },
    ]
  }

  /** Serial numbers of the tokens with a label. */
  serialNumbers(label: string): readonly string[] {
    return this.#library
      .C_GetSlotList(true)
      .map((slot) => this.#library.C_GetTokenInfo(slot))
      .filter((token) => token.label.trimEnd() === label)
      .map(({ serialNumber }) => serialNumber.trimEnd())
  }

  keyExists(token: string, label: string): boolean {
    return this.#inSession(token, (session) => this.#find(session, label) !== undefined)
  }

  deleteKey(token: string, label: string): void {
    this.#inSession(token, (session) => {
      const key = this.#find(session, label)
      if (key !== undefined) this.#library.C_DestroyObject(session, key)
    })
  }

  /** Decrypts the plugin's ciphertext: a byte 1, 12 bytes of vector, bytes, tag. */
  decrypt(token: string, label: string, ciphertext: Uint8Array, associatedData: Uint8Array): Uint8Array {
    const bytes = Buffer.from(ciphertext)
    return this.#inSession(token, (session) => {
      const key = this.#find(session, label)
      if (key === undefined) throw new Error(`the token has no key ${label}`)
      const parameter = {
        type: this.#constants.CK_PARAMS_AES_GCM,
        iv: bytes.subarray(1, 13),
        ivBits: 96,
        aad: Buffer.from(associatedData),
        tagBits: 128,
      }
      this.#library.C_DecryptInit(session, { mechanism: this.#constants.CKM_AES_GCM, parameter }, key)
      return this.#library.C_Decrypt(session, bytes.subarray(13), Buffer.alloc(bytes.length))
    })
  }

  close(): void {
    this.#library.C_Finalize()
  }

  #find(session: Buffer, label: string): Buffer | undefined {
    this.#library.C_FindObjectsInit(session, [{ type: this.#constants.CKA_LABEL, value: label }])
    const [key] = this.#library.C_FindObjects(session, 1)
    this.#library.C_FindObjectsFinal(session)
    return key
  }

  #inSession<T>(token: string, work: (session: Buffer) => T): T {
    const slot = this.#library.C_GetSlotList(true).find((each) => {
      const { label, serialNumber } = this.#library.C_GetTokenInfo(each)
      return [label.trimEnd(), serialNumber.trimEnd()].includes(token)
    })
    if (slot === undefined) throw new Error(`there is no token ${token}`)
    const session = this.#library.C_OpenSession(slot, serial | readWrite)
    try {
      this.#library.C_Login(session, this.#constants.CKU_USER, this.#pin)
      return work(session)
    } finally {
      this.#library.C_CloseSession(session)
    }
  }
}
