import type { RandomSource } from "@apeiro-cmk/plugin-interface"

/** How much is drawn at once, in bytes. */
const poolLength = 4096

/**
 * Random bytes for what is public anyway, salts and ids: drawn many at a time, since a draw costs about as much as a wrap's
 * cipher. Never for keys: a pool keeps in memory what nobody has asked for yet.
 */
export function pooledRandom(random: RandomSource): RandomSource {
  let pool = new Uint8Array(0)
  return {
    bytes(length) {
      if (length > pool.length) {
        if (length > poolLength) return random.bytes(length)
        // A new pool each time: what was handed out of the old one stays as it is.
        pool = new Uint8Array(random.bytes(poolLength))
      }
      const bytes = pool.subarray(0, length)
      pool = pool.subarray(length)
      return bytes
    },
  }
}
