/**
 * Holds what waits, in a lane for each sender, with one bound for all lanes together. A lane may be as long as the others
 * leave room; beyond the bound the longest one loses its newest element, so that no lane takes another's share.
 */
export class FairLanes<T> {
  readonly #lanes = new Map<string, T[]>()
  readonly #capacity: number
  #size = 0

  /** @param capacity - most elements of all lanes together */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Number of elements of all lanes. */
  get size(): number {
    return this.#size
  }

  /** Adds to a lane. @returns the element for which there is no room any more: this one, or the newest of the longest lane */
  add(name: string, element: T): T | undefined {
    const lane = this.#lanes.get(name) ?? []
    const longest = this.#size < this.#capacity ? undefined : this.#longest()
    if (longest !== undefined && longest.length <= lane.length + 1) return element
    const displaced = longest?.pop()
    if (longest === undefined) this.#size += 1
    lane.push(element)
    this.#lanes.set(name, lane)
    return displaced
  }

  /** Takes elements, oldest of each lane first and the same number of every lane that has so many. */
  take(limit: number): T[] {
    const taken: T[] = []
    while (taken.length < limit && this.#lanes.size > 0) {
      const share = Math.max(1, Math.floor((limit - taken.length) / this.#lanes.size))
      for (const [name, lane] of [...this.#lanes]) {
        if (taken.length === limit) break
        taken.push(...lane.splice(0, share))
        // A lane that has had its share goes to the end, so that the next round begins with the others.
        this.#lanes.delete(name)
        if (lane.length > 0) this.#lanes.set(name, lane)
      }
    }
    this.#size -= taken.length
    return taken
  }

  #longest(): T[] {
    let longest: T[] = []
    for (const lane of this.#lanes.values()) if (lane.length > longest.length) longest = lane
    return longest
  }
}
