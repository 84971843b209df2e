import type { WriterThread } from "./sqlite/writer-thread.ts"

/** Longest stall: a test that forgets to end one must not hang. */
const longestStallMs = 60_000

/** Faults that are set when the database is opened; for tests only. */
export interface TestingOptions {
  /** Maximum size of the database, in pages of 4096 bytes; the next page is refused as by a full disk. */
  readonly maxPageCount?: number
}

/** Faults on demand; for tests only. */
export interface DatabaseTesting {
  /**
   * Makes the writer stall, as a hung disk would, once it has finished all earlier requests.
   * @returns a function that ends the stall; otherwise it ends after one minute
   */
  stallWriter(): Promise<() => void>
  /** Ends the writer thread, whatever it is doing. */
  killWriter(): Promise<void>
}

/** Connects the faults to a writer thread. */
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
