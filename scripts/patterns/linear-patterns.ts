import ts from "typescript"
import { parseSource } from "../source-imports.ts"
import { automatonOf, overlap, type PatternAutomaton } from "./pattern-automaton.ts"
import { parsePattern, UnreadPattern } from "./pattern-tree.ts"

/** A regular expression in a source file. */
export interface FoundPattern {
  /** File and line. */
  readonly place: string
  /** As it is written: `/source/flags`; undefined where the text is made at run time. */
  readonly literal: string | undefined
}

/** Finds every regular expression of source files: the literals, and `RegExp(...)` whose text is made at run time. */
export function patternsOf(files: readonly string[]): readonly FoundPattern[] {
  return files.flatMap((file) => {
    const source = parseSource(file)
    const found: FoundPattern[] = []
    const visit = (node: ts.Node): void => {
      const isMade =
        (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText(source) === "RegExp"
      if (isMade || ts.isRegularExpressionLiteral(node)) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
        found.push({ place: `${file}:${line + 1}`, literal: isMade ? undefined : node.getText(source) })
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
    return found
  })
}

/**
 * Says why the time of a regular expression may grow faster than the text, or returns undefined: a text then has one way
 * through its loops only, so that a backtracking engine never tries a second one.
 *
 * Decided on the automaton of the pattern: it is refused when two states p and q in loops share a text that leads from p
 * to p, from p to q and from q to q (Weber and Seidl, "On the degree of ambiguity of finite automata", 1991, criterion
 * IDA). A counted repetition counts as a loop. A search that is not bound to the start begins with a loop of its own.
 *
 * @param literal - `/source/flags`
 */
export function superlinearFault(literal: string): string | undefined {
  const end = literal.lastIndexOf("/")
  const flags = literal.slice(end + 1)
  try {
    const automaton = automatonOf(parsePattern(literal.slice(1, end)), flags)
    return automaton.faults[0] ?? ambiguityOf(automaton)
  } catch (error) {
    if (error instanceof UnreadPattern) return error.message
    throw error
  }
}

function ambiguityOf(automaton: PatternAutomaton): string | undefined {
  const looping = [...automaton.sets.keys()].filter((state) => reaches(automaton, state, state))
  for (const p of looping) {
    // A match that has come to an accepting state cannot fail any more.
    for (const q of looping.filter((each) => each !== p && !automaton.accepting.has(each))) {
      if (sharesText(automaton, p, q)) return "can divide one text between two loops in many ways"
    }
  }
  return undefined
}

function reaches({ follow }: PatternAutomaton, from: number, to: number): boolean {
  const seen = new Set<number>()
  const open = [from]
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (const next of follow.get(state) ?? []) {
      if (next === to) return true
      if (seen.has(next)) continue
      seen.add(next)
      open.push(next)
    }
  }
  return false
}

/** Searches three runs over one text: from p to p, from p to q, and from q to q. */
function sharesText(automaton: PatternAutomaton, p: number, q: number): boolean {
  const { follow, sets } = automaton
  const seen = new Set<string>()
  const open: (readonly [number, number, number])[] = [[p, p, q]]
  for (let runs = open.pop(); runs !== undefined; runs = open.pop()) {
    const [atP, between, atQ] = runs.map((state) => [...(follow.get(state) ?? [])])
    for (const first of atP ?? []) {
      for (const second of (between ?? []).filter((each) => overlap(sets[first], sets[each]))) {
        for (const third of (atQ ?? []).filter((each) => inCommon(sets, first, second, each))) {
          if (first === p && second === q && third === q) return true
          const name = `${first} ${second} ${third}`
          if (seen.has(name)) continue
          seen.add(name)
          open.push([first, second, third])
        }
      }
    }
  }
  return false
}

function inCommon(sets: PatternAutomaton["sets"], first: number, second: number, third: number): boolean {
  return (
    sets[first]?.some((takes, index) => takes && sets[second]?.[index] === true && sets[third]?.[index] === true) ??
    false
  )
}
