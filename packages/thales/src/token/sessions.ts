import type { PKCS11 } from "pkcs11js"

type Handle = Buffer

const serialSession = 4 // CKF_SERIAL_SESSION
const readWrite = 2 // CKF_RW_SESSION

/** Sessions of one login: opened on demand, one for each operation in flight. */
export class Sessions {
  readonly #library: PKCS11
  readonly #slot: Handle
  readonly #maximum: number
  readonly #idle: Handle[] = []
  readonly #waiting: ((session: Handle) => void)[] = []
  #open = 0

  /** @param maximum - number of sessions at once */
  constructor(library: PKCS11, slot: Handle, maximum: number) {
    this.#library = library
    this.#slot = slot
    this.#maximum = maximum
  }

  /** Returns a session that nobody else uses; waits for one when all are in use. */
  async borrow(): Promise<Handle> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    if (this.#open < this.#maximum) {
      const session = this.#library.C_OpenSession(this.#slot, serialSession | readWrite)
      this.#open += 1
      return session
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Makes a borrowed session available again. */
  release(session: Handle): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(session)
    else next(session)
  }

  /** Closes a borrowed session that must not be used again; a waiting caller gets a new one. */
  drop(session: Handle): void {
    this.#open -= 1
    try {
      this.#library.C_CloseSession(session)
    } catch {
      // The session or its token no longer exists, so there is nothing to close.
    }
    const next = this.#waiting.shift()
    if (next !== undefined) void this.borrow().then(next)
  }
}
