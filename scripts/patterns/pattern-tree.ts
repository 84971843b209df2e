/** Parts of a regular expression, as far as they matter for the time that a backtracking engine needs. */
export type PatternPart =
  /** One character: a literal, an escape or a class, as it is written. */
  | { readonly type: "character"; readonly source: string }
  /** Zero-width: it consumes nothing and can fail. */
  | { readonly type: "assertion"; readonly source: string; readonly body?: PatternPart }
  | { readonly type: "sequence"; readonly parts: readonly PatternPart[] }
  | { readonly type: "choice"; readonly forms: readonly PatternPart[] }
  | { readonly type: "repeat"; readonly body: PatternPart; readonly least: number; readonly most: number }

/** A pattern that {@link parsePattern} does not read: back references, and class operations of the flag `v`. */
export class UnreadPattern extends Error {}

/** Parses the source of a regular expression that the engine has accepted. @throws {UnreadPattern} */
export function parsePattern(source: string): PatternPart {
  return new PatternReader(source).read()
}

const classEscape = /^\\(?:[pPu]\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|.)/s
const groupStart = /^\((?:\?(?:(?<assertion><?[=!])|:|<[^>]*>))?/
const counted = /^\{(\d+)(?:(,)(\d*))?\}/
const signs: Readonly<Record<string, readonly [number, number]>> = {
  "*": [0, Number.POSITIVE_INFINITY],
  "+": [1, Number.POSITIVE_INFINITY],
  "?": [0, 1],
}

class PatternReader {
  #rest: string

  constructor(source: string) {
    this.#rest = source
  }

  read(): PatternPart {
    const whole = this.#choice()
    if (this.#rest !== "") throw new UnreadPattern(`cannot read ${this.#rest}`)
    return whole
  }

  #choice(): PatternPart {
    const forms = [this.#sequence()]
    while (this.#takes("|")) forms.push(this.#sequence())
    const [only] = forms
    return forms.length === 1 && only !== undefined ? only : { type: "choice", forms }
  }

  #sequence(): PatternPart {
    const parts: PatternPart[] = []
    while (this.#rest !== "" && !/^[|)]/.test(this.#rest)) parts.push(this.#quantified(this.#atom()))
    return { type: "sequence", parts }
  }

  #quantified(body: PatternPart): PatternPart {
    const bounds = this.#quantifier()
    if (bounds === undefined) return body
    this.#takes("?")
    const [least, most] = bounds
    return { type: "repeat", body, least, most }
  }

  #quantifier(): readonly [number, number] | undefined {
    const sign = signs[this.#rest.charAt(0)]
    if (sign !== undefined) {
      this.#skip(1)
      return sign
    }
    const match = counted.exec(this.#rest)
    if (match === null) return undefined
    this.#skip(match[0].length)
    const least = Number(match[1])
    if (match[2] === undefined) return [least, least]
    return [least, match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3])]
  }

  #atom(): PatternPart {
    const first = this.#rest.charAt(0)
    if (first === "(") return this.#group()
    if (first === "[") return { type: "character", source: this.#class() }
    if (first === "^" || first === "$") return { type: "assertion", source: this.#skip(1) }
    if (first !== "\\")
      return {
        type: "character",
        source: this.#skip(
          this.#rest.codePointAt(0) === undefined ? 1 : String.fromCodePoint(this.#rest.codePointAt(0) ?? 0).length,
        ),
      }
    if (/^\\[bB]/.test(this.#rest)) return { type: "assertion", source: this.#skip(2) }
    if (/^\\(?:[1-9]|k<)/.test(this.#rest)) throw new UnreadPattern("has a back reference")
    return { type: "character", source: this.#escape() }
  }

  #group(): PatternPart {
    const match = groupStart.exec(this.#rest)
    this.#skip(match?.[0].length ?? 1)
    const body = this.#choice()
    if (!this.#takes(")")) throw new UnreadPattern("has an open group")
    const assertion = match?.groups?.assertion
    return assertion === undefined ? body : { type: "assertion", source: assertion, body }
  }

  #class(): string {
    let source = this.#skip(1)
    while (!this.#rest.startsWith("]")) {
      if (this.#rest === "" || this.#rest.startsWith("[[")) throw new UnreadPattern("has a class that is not plain")
      source += this.#rest.startsWith("\\") ? this.#escape() : this.#skip(1)
    }
    return source + this.#skip(1)
  }

  #escape(): string {
    return this.#skip(classEscape.exec(this.#rest)?.[0].length ?? 2)
  }

  #takes(text: string): boolean {
    const isNext = this.#rest.startsWith(text)
    if (isNext) this.#skip(text.length)
    return isNext
  }

  #skip(length: number): string {
    const skipped = this.#rest.slice(0, length)
    this.#rest = this.#rest.slice(length)
    return skipped
  }
}
