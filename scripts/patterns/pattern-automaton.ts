import type { PatternPart } from "./pattern-tree.ts"

/** Characters that tell the classes of this code base apart: Latin, and one or two of each kind of the others. */
const alphabet: readonly string[] = [
  ...Array.from({ length: 0x250 }, (_, code) => String.fromCharCode(code)),
  ..."\u0301\u03b1\u0663\u2003\u200b\u2028\u202e\u2066\u20ac\u4e00\ud800\ue000\ufeff\uff0f\uffff",
  "\u{1f511}",
]

/** Which characters of the alphabet a position takes. */
type CharacterSet = readonly boolean[]

/** A pattern without its empty moves (Glushkov): a state for each written character, moves by the character it takes. */
export interface PatternAutomaton {
  readonly sets: readonly CharacterSet[]
  readonly follow: ReadonlyMap<number, ReadonlySet<number>>
  /** States after which the match has succeeded, whatever comes. */
  readonly accepting: ReadonlySet<number>
  /** Faults that no automaton of this kind shows: two ways by which one loop reaches the same state. */
  readonly faults: readonly string[]
}

type Repeat = Extract<PatternPart, { type: "repeat" }>

interface Piece {
  readonly isNullable: boolean
  readonly first: readonly number[]
  readonly last: readonly number[]
}

const nothing: Piece = { isNullable: true, first: [], last: [] }

/** Builds the automaton of a pattern. A search that may begin anywhere begins with a loop over every character. */
export function automatonOf(tree: PatternPart, flags: string): PatternAutomaton {
  const builder = new AutomatonBuilder(flags)
  const isAnchored = flags.includes("y") || (!flags.includes("m") && beginsAtStart(tree))
  const whole = isAnchored ? builder.piece(tree) : builder.afterAnything(tree)
  return { ...builder, accepting: new Set(whole.last) }
}

/** Tells whether two states take a character in common. */
export function overlap(left: CharacterSet | undefined, right: CharacterSet | undefined): boolean {
  return left?.some((takes, index) => takes && right?.[index] === true) ?? false
}

function beginsAtStart(part: PatternPart | undefined): boolean {
  if (part?.type === "assertion") return part.source === "^"
  if (part?.type === "sequence") return beginsAtStart(part.parts[0])
  return part?.type === "choice" && part.forms.every(beginsAtStart)
}

class AutomatonBuilder {
  readonly sets: CharacterSet[] = []
  readonly follow = new Map<number, Set<number>>()
  readonly faults: string[] = []
  readonly #flags: string

  constructor(flags: string) {
    this.#flags = flags.replaceAll(/[gy]/g, "")
  }

  afterAnything(tree: PatternPart): Piece {
    const anything: PatternPart = { type: "character", source: "[^]" }
    const search: PatternPart = { type: "repeat", body: anything, least: 0, most: Number.POSITIVE_INFINITY }
    return this.piece({ type: "sequence", parts: [search, tree] })
  }

  piece(part: PatternPart): Piece {
    switch (part.type) {
      case "character":
        return this.#state(setOf(part.source, this.#flags))
      case "assertion":
        return this.#assertion(part)
      case "sequence":
        return part.parts.reduce((before, each) => this.#joined(before, this.piece(each)), nothing)
      case "choice":
        return part.forms.map((form) => this.piece(form)).reduce(either)
      case "repeat":
        return this.#repeated(part)
    }
  }

  /** A state that takes no character: what stands before it has not succeeded yet. `^` at the start says nothing. */
  #assertion({ source, body }: Extract<PatternPart, { type: "assertion" }>): Piece {
    if (body !== undefined && hasLoop(body)) this.faults.push(`looks ahead or back with a loop (${source})`)
    return source === "^" ? nothing : this.#state([])
  }

  #repeated(part: Repeat): Piece {
    const { body, least, most } = part
    if (isFixed(part)) return this.piece({ type: "sequence", parts: Array.from({ length: least }, () => body) })
    const piece = this.piece(body)
    if (most > 1) {
      if (piece.isNullable) this.faults.push("repeats what may be empty")
      this.#connect(piece.last, piece.first)
    }
    return { ...piece, isNullable: piece.isNullable || least === 0 }
  }

  #joined(before: Piece, after: Piece): Piece {
    this.#connect(before.last, after.first)
    return {
      isNullable: before.isNullable && after.isNullable,
      first: before.isNullable ? [...before.first, ...after.first] : before.first,
      last: after.isNullable ? [...before.last, ...after.last] : after.last,
    }
  }

  #connect(from: readonly number[], to: readonly number[]): void {
    for (const state of from) {
      const next = this.follow.get(state) ?? new Set()
      this.follow.set(state, next)
      for (const each of to) {
        if (next.has(each)) this.faults.push("repeats a repetition, so that one text has many divisions")
        next.add(each)
      }
    }
  }

  #state(set: CharacterSet): Piece {
    const state = this.sets.push(set) - 1
    return { isNullable: false, first: [state], last: [state] }
  }
}

function either(left: Piece, right: Piece): Piece {
  const { first, last } = right
  return {
    isNullable: left.isNullable || right.isNullable,
    first: [...left.first, ...first],
    last: [...left.last, ...last],
  }
}

/** A character that stands there a few times, neither more nor less: as good as written out. */
function isFixed({ body, least, most }: Repeat): boolean {
  return body.type === "character" && least === most && most <= 64
}

function hasLoop(part: PatternPart): boolean {
  if (part.type === "repeat") return (part.most > 1 && !isFixed(part)) || hasLoop(part.body)
  if (part.type === "sequence") return part.parts.some(hasLoop)
  return part.type === "choice" && part.forms.some(hasLoop)
}

const setsSeen = new Map<string, CharacterSet>()

function setOf(source: string, flags: string): CharacterSet {
  const name = `${flags}/${source}`
  const seen = setsSeen.get(name)
  if (seen !== undefined) return seen
  const pattern = new RegExp(`^(?:${source})$`, flags)
  const set = alphabet.map((character) => pattern.test(character))
  setsSeen.set(name, set)
  return set
}
