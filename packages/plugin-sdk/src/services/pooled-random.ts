import type { RandomSource } from "@apeiro-cmk/plugin-interface"

/** Bytes that are drawn at once. */
const poolLength = 4096

/**
 * Makes a source of random bytes for public values, salts and ids: it draws many at a time, because a draw costs about as
 * much as a wrap's cipher. Never use it for keys: a pool keeps bytes in memory before they are used.
 */
export function pooledRandom(random: RandomSource): RandomSource {
  let pool = new Uint8Array(0)
  return {
    bytes(length) {
      if (length > pool.length) {
        if (length > poolLength) return random.bytes(length)
        // A new pool each time: bytes that came from the old one stay unchanged.
        pool = new Uint8Array(random.bytes(poolLength))
      }
      const bytes = pool.subarray(0, length)
      pool = pool.subarray(length)
      return bytes
    },
  }
}
