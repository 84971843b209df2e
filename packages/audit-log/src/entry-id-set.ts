/** Digits that select a shard: one `Set` holds at most 2^24 members, and a log may contain more. */
const shardDigits = 2

/** Set of the entry ids that a verifier has seen; takes about 100 bytes per id. */
export class EntryIdSet {
  readonly #shards = new Map<string, Set<string>>()

  /** Adds an id. @returns false when the set already contains it */
  add(entryId: string): boolean {
    // The last digits are random in a UUIDv7.
    const name = entryId.slice(-shardDigits)
    const shard = this.#shards.get(name) ?? new Set()
    if (shard.has(entryId)) return false
    this.#shards.set(name, shard.add(entryId))
    return true
  }
}
