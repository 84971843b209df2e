import { randomInt } from "node:crypto"
import type { Clock, RandomSource } from "@apeiro-cmk/plugin-interface"
import { v7 } from "uuid"

const sequenceLimit = 2 ** 32

/**
 * Makes UUIDv7 entry ids (RFC 9562 section 5.7) that grow strictly within one replica, even within one millisecond and
 * when the wall clock jumps back: sorting by id gives the order of recording.
 */
export class EntryIds {
  readonly #clock: Pick<Clock, "nowMs">
  readonly #random: RandomSource
  #lastMs = -1
  #sequence = 0

  /** @param random - source of the bits that tell replicas apart */
  constructor(clock: Pick<Clock, "nowMs">, random: RandomSource) {
    this.#clock = clock
    this.#random = random
  }

  /** Makes the next id. */
  next(): string {
    const nowMs = Math.trunc(this.#clock.nowMs())
    this.#sequence += 1
    if (nowMs > this.#lastMs || this.#sequence >= sequenceLimit) {
      this.#lastMs = Math.max(nowMs, this.#lastMs + 1)
      this.#sequence = randomInt(2 ** 31)
    }
    return v7({ msecs: this.#lastMs, seq: this.#sequence, random: this.#random.bytes(16) })
  }
}
