import { readFile, stat } from "node:fs/promises"

/** A parsed text file that is read again when it has changed; a file that is missing counts as empty. */
export class WatchedFile<Parsed> {
  readonly #path: string
  readonly #parse: (text: string) => Parsed
  #held: { readonly state: string; readonly parsed: Parsed } | undefined

  constructor(path: string, parse: (text: string) => Parsed) {
    this.#path = path
    this.#parse = parse
  }

  /** Returns the content as it is now. */
  async read(): Promise<Parsed> {
    const state = await stateOf(this.#path)
    if (this.#held?.state === state) return this.#held.parsed
    const parsed = this.#parse(state === "missing" ? "" : await readFile(this.#path, "utf8").catch(() => ""))
    this.#held = { state, parsed }
    return parsed
  }
}

async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch {
    return "missing" // as for the system's own resolver
  }
}
