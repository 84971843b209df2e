import type { ConfigurationIssue } from "@apeiro-cmk/plugin-interface"
import { boundedIssues, moreFaults, mostIssues, shownName } from "./issue-list.ts"
import type { SizeRule } from "./size-rule.ts"

const deepestLevel = 32
const mostValues = 100_000
const longestFieldName = 256

/**
 * Measures a document before anything reads its contents: numbers of fields and entries, lengths, depth. A schema library
 * runs patterns over whatever length there is, and reports each fault of a document that is far too large.
 *
 * The bounds are those of the JSON Schema: `maxLength`, `maxItems`, `maxProperties`, and the names of fields where it
 * allows no others. Elsewhere: 1,048,576 characters, 10,000 entries, 1,000 fields; always 32 levels, 100,000 values, and 256
 * characters in a field's name.
 *
 * @returns the faults, at most 50; none when the document may be parsed
 */
export function sizeIssues(rule: SizeRule, document: unknown): readonly ConfigurationIssue[] {
  const measure = new Measure()
  measure.value(document, rule)
  return boundedIssues(measure.issues)
}

class Measure {
  readonly issues: ConfigurationIssue[] = []
  readonly #path: (string | number)[] = []
  #values = 0

  value(value: unknown, rule: SizeRule): void {
    this.#values += 1
    if (this.#values > mostValues) {
      if (this.#values === mostValues + 1)
        this.issues.push({ path: [], message: `must have at most ${mostValues} values` })
    } else if (typeof value === "string") {
      if (value.length > rule.maxLength) this.#refuse(`must have at most ${rule.maxLength} characters`)
    } else if (typeof value === "object" && value !== null) this.#container(value, rule)
  }

  #container(value: object, rule: SizeRule): void {
    if (this.#path.length >= deepestLevel) this.#refuse(`must have at most ${deepestLevel} levels`)
    else if (!Array.isArray(value)) this.#object(value, rule)
    else if (value.length > rule.maxItems) this.#refuse(`must have at most ${rule.maxItems} entries`)
    else for (const [index, entry] of value.entries()) this.#inside(index, entry, rule.entry())
  }

  #object(object: object, rule: SizeRule): void {
    const names = Object.keys(object)
    if (this.#hasTooManyFields(names, rule)) return
    for (const name of names) {
      if (name.length > longestFieldName) this.#refuseName(name)
      else this.#inside(name, Reflect.get(object, name), rule.field(name))
    }
  }

  #hasTooManyFields(names: readonly string[], { onlyFields, maxProperties }: SizeRule): boolean {
    if (onlyFields === undefined) {
      if (names.length <= maxProperties) return false
      this.#refuse(`must have at most ${maxProperties} fields`)
      return true
    }
    const unknown = names.length > mostIssues ? names.filter((name) => !onlyFields.has(name)) : []
    if (unknown.length <= mostIssues) return false
    this.#refuseFields(unknown)
    return true
  }

  #inside(step: string | number, value: unknown, rule: SizeRule): void {
    this.#path.push(step)
    this.value(value, rule)
    this.#path.pop()
  }

  /** So many that each by itself would be too much work: the first ones, and the number of the others. */
  #refuseFields(names: readonly string[]): void {
    for (const name of names.slice(0, mostIssues)) {
      this.issues.push({ path: [...this.#path, name], message: "is not a known field" })
    }
    this.issues.push(moreFaults(names.length - mostIssues))
  }

  #refuseName(name: string): void {
    const message = `has a name of more than ${longestFieldName} characters`
    this.issues.push({ path: [...this.#path, shownName(name)], message })
  }

  #refuse(message: string): void {
    this.issues.push({ path: [...this.#path], message })
  }
}
