import type { PKCS11 } from "pkcs11js"
import { type FoundKey, TokenKeys } from "./keys.ts"
import type { TokenFacts, TokenKey, TokenOperations, TokenSettings } from "./messages.ts"
import {
  LoginNeeded,
  loadAddon,
  type Pkcs11Module,
  TokenError,
  TokenMismatch,
  TokenRefusal,
  tokenError,
} from "./pkcs11.ts"
import { Sessions } from "./sessions.ts"
import { labelOfVersion } from "./versions.ts"

type Handle = Buffer

/** Everything that belongs to one login: no session and no handle outlives it. */
interface Generation {
  readonly library: PKCS11
  readonly slot: Handle
  readonly sessions: Sessions
  readonly keys: TokenKeys
  facts: TokenFacts
}

const userType = 1 // CKU_USER
const withThreads = 2 // CKF_OS_LOCKING_OK: without it parallel calls corrupt the heap
const pinStates = [
  [0x40000, "locked"],
  [0x20000, "last attempt"],
  [0x10000, "few attempts left"],
] as const

/** One token, in the process that belongs to it. */
export class Token {
  readonly #settings: TokenSettings
  readonly #constants: Pkcs11Module
  #library: PKCS11 | undefined
  #generation: Generation | undefined
  #inFlight = 0
  #idle: (() => void)[] = []
  #needsInitialization = true
  #changing: Promise<unknown> = Promise.resolve()

  /** @throws {TokenMismatch} the add-on is not installed */
  constructor(settings: TokenSettings) {
    this.#settings = settings
    this.#constants = loadAddon()
  }

  /** Finds the token, and initializes the library where that is needed. */
  async locate(): Promise<TokenOperations["locate"]["answer"]> {
    await this.#quiet()
    const { library, slot } = this.#generation ?? this.#read(() => this.#find())
    const { manufacturer, model, serialNumber, label } = this.#read(() => readFacts(library, slot))
    return { identity: { manufacturer, model, serialNumber, label }, isLoggedIn: this.#generation !== undefined }
  }

  /**
   * Logs in, once: nothing here tries a PIN again.
   * @throws {TokenRefusal} CREDENTIAL_REJECTED - the PIN is locked, or has one attempt left: it was not tried
   */
  async logIn(pin: string): Promise<TokenFacts> {
    await this.#quiet()
    this.#generation ??= this.#read(() => this.#enter(pin))
    return this.#generation.facts
  }

  /** Returns the facts that the token reports now. */
  async facts(): Promise<TokenFacts> {
    const { library, slot } = this.#ready()
    return this.#read(() => readFacts(library, slot))
  }

  /**
   * Works with a version of a key in a separate session.
   * @param stated - number of the version; default: the newest
   */
  async withKey<T>(
    keyLabel: string,
    stated: number | undefined,
    work: (library: PKCS11, session: Handle, found: FoundKey, version: number) => Promise<T>,
  ): Promise<T> {
    return this.#inSession(async ({ library, keys }, session) => {
      const version = stated ?? keys.newest(session, keyLabel)
      return work(library, session, keys.find(session, keyLabel, version), version)
    }, true)
  }

  /** Reads all versions, oldest first. */
  async describe(keyLabel: string): Promise<readonly TokenKey[]> {
    return this.#inSession(async ({ keys }, session) => keys.readAgain(session, keyLabel), true)
  }

  /** Generates a key, unless one with that label exists. */
  async generate(keyLabel: string): Promise<void> {
    return this.#oneAtATime(async ({ keys }, session) => keys.generate(session, keyLabel))
  }

  /** Generates a new version of a key. */
  async rotate(keyLabel: string): Promise<void> {
    return this.#oneAtATime(async ({ keys }, session) => {
      await keys.generate(session, labelOfVersion(keyLabel, keys.newest(session, keyLabel) + 1))
    })
  }

  /** Destroys all versions of a key. */
  async destroy(keyLabel: string): Promise<void> {
    return this.#oneAtATime(async ({ keys }, session) => keys.destroy(session, keyLabel))
  }

  /** Serializes changes: a token lets any number of keys have the same label. */
  #oneAtATime(work: (generation: Generation, session: Handle) => Promise<void>): Promise<void> {
    const done = this.#changing.then(() => this.#inSession(work, false))
    // The caller receives a failure from `done`; the next change only waits for the end.
    this.#changing = done.catch(() => undefined)
    return done
  }

  get constants(): Pkcs11Module {
    return this.#constants
  }

  /** Has the library initialized again before the next call, as a fault of the device requires. */
  #restart(): void {
    this.#generation = undefined
    this.#needsInitialization = true
  }

  async #inSession<T>(work: (generation: Generation, session: Handle) => Promise<T>, repeatable: boolean): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const generation = this.#ready()
      this.#inFlight += 1
      let session: Handle | undefined
      try {
        session = await generation.sessions.borrow()
        const result = await work(generation, session)
        generation.sessions.release(session)
        return result
      } catch (native) {
        const error = tokenError(native)
        const isStale = this.#follow(error, generation, session)
        if (attempt > 1 || !isStale || !repeatable) throw error
        if (this.#generation === undefined) throw new LoginNeeded(undefined, { cause: error })
      } finally {
        this.#leave()
      }
    }
  }

  /** Does what a failure calls for. @returns whether the same operation may succeed a second time */
  #follow(error: unknown, generation: Generation, session: Handle | undefined): boolean {
    const stated = error instanceof TokenError ? error.meaning.consequence : "keep"
    // Where the data may be at fault, the operation has run its own round trip already.
    const consequence = stated === "prove" ? "re-initialize" : stated
    if (session !== undefined) {
      if (consequence === "keep") generation.sessions.release(session)
      else generation.sessions.drop(session)
    }
    if (consequence === "re-initialize" && this.#generation === generation) this.#restart()
    if (consequence === "drop generation" && this.#generation === generation) this.#generation = undefined
    // An earlier failure left an operation open in this session; another session has none.
    const isBusy = error instanceof TokenError && error.meaning.name === "CKR_OPERATION_ACTIVE"
    return isBusy || consequence === "drop generation" || consequence === "re-initialize"
  }

  #leave(): void {
    this.#inFlight -= 1
    if (this.#inFlight > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #ready(): Generation {
    if (this.#generation === undefined) throw new LoginNeeded()
    return this.#generation
  }

  /** Waits until the library may be initialized again: it must not be finalized under a call that is still in it. */
  async #quiet(): Promise<void> {
    while (this.#needsInitialization && this.#inFlight > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #find(): Pick<Generation, "library" | "slot"> {
    const library = this.#initialized()
    return { library, slot: this.#slot(library) }
  }

  #enter(pin: string): Generation {
    const { library, slot } = this.#find()
    requireAttempts(readFacts(library, slot))
    const sessions = new Sessions(library, slot, this.#settings.sessions)
    const session = library.C_OpenSession(slot, 4)
    try {
      library.C_Login(session, userType, pin)
    } catch (native) {
      const error = tokenError(native)
      // CKR_USER_ALREADY_LOGGED_IN: by another session of this process.
      if (!(error instanceof TokenError) || error.meaning.name !== "CKR_0x00000100") throw error
    }
    return { library, slot, sessions, keys: new TokenKeys(library, this.#constants), facts: readFacts(library, slot) }
  }

  #initialized(): PKCS11 {
    if (this.#library !== undefined && !this.#needsInitialization) return this.#library
    if (this.#library === undefined) {
      this.#library = new this.#constants.PKCS11()
      try {
        this.#library.load(this.#settings.module)
      } catch {
        this.#library = undefined
        throw new TokenMismatch(`The PKCS#11 library ${this.#settings.module} cannot be loaded.`)
      }
    } else {
      try {
        this.#library.C_Finalize()
      } catch {
        // The library was never initialized, or is no longer so since its device was removed.
      }
    }
    this.#library.C_Initialize({ flags: withThreads })
    this.#needsInitialization = false
    return this.#library
  }

  /** By label and serial number, never by the number of the slot, which moves. */
  #slot(library: PKCS11): Handle {
    const { label, serialNumbers } = this.#settings
    const fitting = library.C_GetSlotList(true).filter((slot) => {
      const token = library.C_GetTokenInfo(slot)
      const isNamed = token.label.trimEnd() === label
      return isNamed && (serialNumbers.length === 0 || serialNumbers.includes(token.serialNumber.trimEnd()))
    })
    const [slot, ...others] = fitting
    if (slot === undefined) {
      this.#needsInitialization = true // the library sees a token that appears later only after a new start
      throw new TokenMismatch(`No partition is labelled ${label}, or its serial number differs.`)
    }
    if (others.length > 0) throw new TokenMismatch(`Several partitions are labelled ${label}: set serial_numbers.`)
    return slot
  }

  #read<T>(work: () => T): T {
    try {
      return work()
    } catch (native) {
      const error = tokenError(native)
      if (error instanceof TokenError && error.meaning.consequence !== "keep") this.#restart()
      throw error
    }
  }
}

/** The last attempt is the owner's: another wrong PIN would lock the partition for everybody. */
function requireAttempts({ pinState }: TokenFacts): void {
  if (pinState === "locked")
    throw new TokenRefusal("CREDENTIAL_REJECTED", "The PIN of the partition is locked; the PIN was not tried.")
  if (pinState === "last attempt")
    throw new TokenRefusal("CREDENTIAL_REJECTED", "The partition has one login attempt left; the PIN was not tried.")
}

function readFacts(library: PKCS11, slot: Handle): TokenFacts {
  const token = library.C_GetTokenInfo(slot)
  const { major, minor } = token.firmwareVersion
  return {
    label: token.label.trimEnd(),
    serialNumber: token.serialNumber.trimEnd(),
    model: token.model.trimEnd(),
    manufacturer: token.manufacturerID.trimEnd(),
    firmware: `${major}.${minor}`,
    slotId: slot.readBigUInt64LE(0).toString(),
    pinState: pinStates.find(([flag]) => (token.flags & flag) !== 0)?.[1] ?? "fine",
  }
}
