import type { WriterThread } from "./sqlite/writer-thread.ts"

/** How long a stall lasts when nobody ends it: a test that forgets to must not hang for ever. */
const longestStallMs = 60_000

/** Faults that are set when the database is opened; for tests only. */
export interface TestingOptions {
  /** Largest size of the database, in pages of 4096 bytes; the next page is answered as by a full disk. */
  readonly maxPageCount?: number
}

/** Faults on demand; for tests only. */
export interface DatabaseTesting {
  /**
   * Makes the writer stall, as a hung disk would, once it has done what was asked before.
   * @returns a function that ends the stall; it ends by itself after a minute
   */
  stallWriter(): Promise<() => void>
  /** Ends the writer thread in the middle of whatever it does. */
  killWriter(): Promise<void>
}

/** Wires the faults to a writer thread. */
export function databaseTesting(writer: WriterThread): DatabaseTesting {
  return {
    async stallWriter() {
      const flag = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
      await writer.request({ kind: "stall", flag, limitMs: longestStallMs })
      const word = new Int32Array(flag)
      return () => {
        Atomics.store(word, 0, 1)
        Atomics.notify(word, 0)
      }
    },
    async killWriter() {
      await writer.terminate()
    },
  }
}
