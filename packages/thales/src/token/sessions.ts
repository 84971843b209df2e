import type { PKCS11 } from "pkcs11js"

type Handle = Buffer

const serialSession = 4 // CKF_SERIAL_SESSION
const readWrite = 2 // CKF_RW_SESSION

/** Sessions of one generation: opened when they are needed, one for each operation in flight. */
export class Sessions {
  readonly #library: PKCS11
  readonly #slot: Handle
  readonly #most: number
  readonly #idle: Handle[] = []
  readonly #waiting: ((session: Handle) => void)[] = []
  #open = 0

  constructor(library: PKCS11, slot: Handle, most: number) {
    this.#library = library
    this.#slot = slot
    this.#most = most
  }

  /** A session that nobody else uses; waits for one when all are in use. */
  async borrow(): Promise<Handle> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    if (this.#open < this.#most) {
      const session = this.#library.C_OpenSession(this.#slot, serialSession | readWrite)
      this.#open += 1
      return session
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  giveBack(session: Handle): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(session)
    else next(session)
  }

  /** A session that must not be used again; whoever waits gets a new one. */
  drop(session: Handle): void {
    this.#open -= 1
    try {
      this.#library.C_CloseSession(session)
    } catch {
      // It is gone already, or its token is: nothing is left to be closed.
    }
    const next = this.#waiting.shift()
    if (next !== undefined) void this.borrow().then(next)
  }
}
