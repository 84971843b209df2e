import type { PKCS11 } from "pkcs11js"
import { newKeyTemplate, readKey } from "./key-attributes.ts"
import type { TokenKey } from "./messages.ts"
import { type Pkcs11Module, TokenRefusal } from "./pkcs11.ts"
import { labelOfVersion } from "./versions.ts"

type Handle = Buffer

/** One version of a key, as it was found. */
export interface FoundKey {
  readonly handle: Handle
  readonly key: TokenKey
}

/** The keys of a token with their versions, as one login sees them: handles are remembered, and must not outlive it. */
export class TokenKeys {
  readonly #library: PKCS11
  readonly #constants: Pkcs11Module
  /** By the label of the version. */
  readonly #found = new Map<string, FoundKey>()
  /** How many versions a key was seen to have, by its label. */
  readonly #counts = new Map<string, number>()

  constructor(library: PKCS11, constants: Pkcs11Module) {
    this.#library = library
    this.#constants = constants
  }

  /** @throws {TokenRefusal} KEY_NOT_FOUND; CIPHERTEXT_REJECTED - the key has no such version; KEY_UNSUITABLE - there are several */
  find(session: Handle, keyLabel: string, version: number): FoundKey {
    const label = labelOfVersion(keyLabel, version)
    const known = this.#found.get(label)
    if (known !== undefined) return known
    const [handle, ...others] = this.#search(session, label)
    if (handle === undefined) {
      if (version === 1) throw new TokenRefusal("KEY_NOT_FOUND", "The partition has no key of this label.")
      this.find(session, keyLabel, 1)
      throw new TokenRefusal("CIPHERTEXT_REJECTED", `The key has no version ${version} in this partition.`)
    }
    if (others.length > 0) throw new TokenRefusal("KEY_UNSUITABLE", "The partition has several keys of this label.")
    const found = { handle, key: readKey(this.#library, this.#constants, session, handle) }
    this.#found.set(label, found)
    return found
  }

  /** Reads all versions of a key as they are now, oldest first; what was remembered of it is forgotten. @throws as `find` */
  readAnew(session: Handle, keyLabel: string): readonly TokenKey[] {
    this.#forget(keyLabel)
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

  /** Number of the newest version. Somebody else may have made one more, so the next label is looked for each time. */
  newest(session: Handle, keyLabel: string): number {
    this.find(session, keyLabel, 1)
    let count = this.#counts.get(keyLabel) ?? 1
    while (this.#search(session, labelOfVersion(keyLabel, count + 1)).length > 0) count += 1
    this.#counts.set(keyLabel, count)
    return count
  }

  /** Makes a key, unless there is one of that label. */
  async generate(session: Handle, label: string): Promise<void> {
    if (this.#search(session, label).length > 0) return
    const mechanism = { mechanism: this.#constants.CKM_AES_KEY_GEN }
    await this.#library.C_GenerateKeyAsync(session, mechanism, newKeyTemplate(this.#constants, label))
    this.#found.delete(label)
  }

  /** Destroys a key with all its versions, the newest first; one that is not there is gone. */
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
