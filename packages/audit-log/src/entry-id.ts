import { randomInt } from "node:crypto"
import type { Clock, RandomSource } from "@apeiro-cmk/plugin-interface"
import { v7 } from "uuid"

const sequenceLimit = 2 ** 32

/**
 * Makes UUIDv7 entry ids (RFC 9562 section 5.7) that grow strictly within one replica, also within one millisecond and
 * when the wall clock jumps back: whoever sorts by id gets the order of recording.
 *
 * @param random - for the part that tells replicas apart
 */
export function entryIds(clock: Pick<Clock, "nowMs">, random: RandomSource): () => string {
  let lastMs = -1
  let sequence = 0
  return () => {
    const nowMs = Math.trunc(clock.nowMs())
    sequence += 1
    if (nowMs > lastMs || sequence >= sequenceLimit) {
      lastMs = Math.max(nowMs, lastMs + 1)
      sequence = randomInt(2 ** 31)
    }
    return v7({ msecs: lastMs, seq: sequence, random: random.bytes(16) })
  }
}
