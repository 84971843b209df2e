/** Shards, since one `Set` holds at most 2^24 members and a log may hold more. */
const shardDigits = 2

/** Entry ids that a verifier has met. It takes about 100 bytes for each. */
export class EntryIdSet {
  readonly #shards = new Map<string, Set<string>>()

  /** @returns false when it has the id already */
  add(entryId: string): boolean {
    // The last digits are random in a UUIDv7.
    const name = entryId.slice(-shardDigits)
    const shard = this.#shards.get(name) ?? new Set()
    if (shard.has(entryId)) return false
    this.#shards.set(name, shard.add(entryId))
    return true
  }
}
