import type { PKCS11 } from "pkcs11js"
import { newKeyTemplate, readKey } from "./key-attributes.ts"
import type { TokenKey } from "./messages.ts"
import { type Pkcs11Module, TokenRefusal } from "./pkcs11.ts"
import { keyOfVersionLabel, labelOfVersion } from "./versions.ts"

type Handle = Buffer

/** One version of a key, as the token holds it. */
export interface FoundKey {
  readonly handle: Handle
  readonly key: TokenKey
}

/** The keys of a token with their versions, as one login sees them: remembered handles must not outlive that login. */
export class TokenKeys {
  readonly #library: PKCS11
  readonly #constants: Pkcs11Module
  /** By the label of the version. */
  readonly #found = new Map<string, FoundKey>()
  /** Number of versions that a key was found to have, by its label. */
  readonly #counts = new Map<string, number>()

  constructor(library: PKCS11, constants: Pkcs11Module) {
    this.#library = library
    this.#constants = constants
  }

  /**
   * Finds one version of a key.
   * @throws {TokenRefusal} KEY_NOT_FOUND; CIPHERTEXT_REJECTED - no such version; KEY_UNSUITABLE - several keys match
   */
  find(session: Handle, keyLabel: string, version: number): FoundKey {
    const label = labelOfVersion(keyLabel, version)
    const known = this.#found.get(label)
    if (known !== undefined) return known
    const [handle, ...others] = this.#search(session, label)
    if (handle === undefined) {
      if (version === 1) throw new TokenRefusal("KEY_NOT_FOUND", "The partition has no key with this label.")
      this.find(session, keyLabel, 1)
      throw new TokenRefusal("CIPHERTEXT_REJECTED", `The key has no version ${version} in this partition.`)
    }
    if (others.length > 0) throw new TokenRefusal("KEY_UNSUITABLE", "The partition has several keys with this label.")
    const found = { handle, key: readKey(this.#library, this.#constants, session, handle) }
    this.#found.set(label, found)
    return found
  }

  /**
   * Reads all versions of a key from the token again, oldest first.
   * @throws {TokenRefusal} as `find`; KEY_UNSUITABLE - the label is that of a version of another key
   */
  readAgain(session: Handle, keyLabel: string): readonly TokenKey[] {
    this.#forget(keyLabel)
    const other = keyOfVersionLabel(keyLabel)
    if (other !== undefined && this.#search(session, other).length > 0) {
      throw new TokenRefusal("KEY_UNSUITABLE", `This label is that of a version of the key "${other}".`)
    }
    const count = this.newest(session, keyLabel)
    return Array.from({ length: count }, (_each, index) => this.find(session, keyLabel, index + 1).key)
  }

  #forget(keyLabel: string): void {
    const ofVersions = labelOfVersion(keyLabel, 0).slice(0, -1)
    for (const label of this.#found.keys()) {
      if (label === keyLabel || label.startsWith(ofVersions)) this.#found.delete(label)
    }
    this.#counts.delete(keyLabel)
  }

  /** Returns the number of the newest version. Looks for the next label each time: somebody else may add versions. */
  newest(session: Handle, keyLabel: string): number {
    this.find(session, keyLabel, 1)
    let count = this.#counts.get(keyLabel) ?? 1
    while (this.#search(session, labelOfVersion(keyLabel, count + 1)).length > 0) count += 1
    this.#counts.set(keyLabel, count)
    return count
  }

  /** Generates a key, unless one with that label exists. */
  async generate(session: Handle, label: string): Promise<void> {
    if (this.#search(session, label).length > 0) return
    const mechanism = { mechanism: this.#constants.CKM_AES_KEY_GEN }
    await this.#library.C_GenerateKeyAsync(session, mechanism, newKeyTemplate(this.#constants, label))
    this.#found.delete(label)
  }

  /** Destroys all versions of a key, the newest first. Does nothing when there is no such key. */
  destroy(session: Handle, keyLabel: string): void {
    this.#counts.delete(keyLabel)
    if (this.#search(session, keyLabel).length === 0) return
    let version = 1
    while (this.#search(session, labelOfVersion(keyLabel, version + 1)).length > 0) version += 1
    for (; version > 0; version -= 1) {
      const label = labelOfVersion(keyLabel, version)
      for (const handle of this.#search(session, label)) this.#library.C_DestroyObject(session, handle)
      this.#found.delete(label)
    }
  }

  #search(session: Handle, label: string): readonly Handle[] {
    this.#library.C_FindObjectsInit(session, [
      { type: this.#constants.CKA_CLASS, value: this.#constants.CKO_SECRET_KEY },
      { type: this.#constants.CKA_LABEL, value: label },
    ])
    try {
      return this.#library.C_FindObjects(session, 2)
    } finally {
      this.#library.C_FindObjectsFinal(session)
    }
  }
}
