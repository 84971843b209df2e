import assert from "node:assert/strict"
import { setImmediate as othersTurn } from "node:timers/promises"
import type { ConfigurationIssue, ConfigurationParser, JsonSchema, JsonValue } from "@apeiro-cmk/plugin-interface"

/** A configuration, as it is given to a parser. */
type Given = Readonly<Record<string, unknown>>

/** Place of a text in a configuration, and its greatest length. */
interface TextField {
  readonly path: readonly string[]
  readonly maxLength: number
}

const mostIssues = 50
const longestMessage = 500
/** Longest JSON of all issues together. */
const longestIssues = 64 * 1024
/** A parser that tries one text in many ways needs minutes for these; one that reads it once needs milliseconds. */
const hangMs = 5_000
const lengths = [65_536, 1_048_576]
const manyKeys = 29_000

/** Texts of a length that make a backtracking pattern try again and again: long runs, and what is nearly right. */
const hostileTexts: Readonly<Record<string, (length: number) => string>> = {
  "a letter": (length) => "a".repeat(length),
  "a digit": (length) => "1".repeat(length),
  "a space": (length) => " ".repeat(length),
  "a dot": (length) => ".".repeat(length),
  "a slash": (length) => "/".repeat(length),
  "a dash": (length) => "-".repeat(length),
  "a percent sign": (length) => "%2f".repeat(length / 3),
  "a combining character": (length) => `e${"\u0301".repeat(length - 1)}`,
  "a character of two units": (length) => "\u{1f511}".repeat(length / 2),
  "half a character": (length) => "\ud800".repeat(length),
  "letters with a line end": (length) => `${"a".repeat(length - 1)}\n`,
  "a name with a wrong end": (length) => `${"a-".repeat(length / 2 - 1)}!`,
  "labels of a host": (length) => `https://${"a.".repeat(length / 2 - 8)}:`,
  "slashes of a URL": (length) => `https://host${"/".repeat(length - 13)}?`,
  "segments of a path": (length) => `${"a/".repeat(length / 2 - 1)}\u0000`,
  "parts of an ARN": (length) => `arn:aws:kms:${"a-1-".repeat(length / 4 - 4)}!`,
  "a UUID with a wrong end": (length) => `${"0123abcd-".repeat(length / 9 - 1)}g`,
  "an address with a wrong end": (length) => `${"1:".repeat(length / 2 - 1)}z`,
  "a time with a wrong end": (length) => `2026-01-01T00:00:00.${"0".repeat(length - 21)}x`,
  "beginnings of certificates": (length) => "-----BEGIN CERTIFICATE-----\n".repeat(length / 28),
  "base64 with a wrong end": (length) => `${"QUFB".repeat(length / 4 - 1)}*`,
}

const madeTexts = new Map<string, string>()

/** Made once for all fields: making them takes longer than reading them. */
function hostileText(name: string, length: number): string {
  const label = `${name} ${length}`
  const text = madeTexts.get(label) ?? hostileTexts[name]?.(Math.max(length, 64)).slice(0, length) ?? ""
  madeTexts.set(label, text)
  return text
}

/** Lists the texts of a configuration, at every depth, each with the length that the schema states. */
export function textFields(schema: JsonSchema, path: readonly string[] = []): readonly TextField[] {
  const { type, maxLength, properties, items, additionalProperties } = schema
  const own = type === "string" && typeof maxLength === "number" ? [{ path, maxLength }] : []
  const forms = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((each) => (Array.isArray(each) ? each : []))
  const inner = [
    ...Object.entries(isObject(properties) ? properties : {}),
    ...[items].flat().map((entry) => ["0", entry] as const),
    ["any", additionalProperties] as const,
  ]
  return [
    ...own,
    ...forms.filter(isObject).flatMap((form) => textFields(form, path)),
    ...inner.flatMap(([name, field]) => (isObject(field) ? textFields(field, [...path, name]) : [])),
  ]
}

/**
 * Gives a parser one hostile text after the other, in each text of its configuration, whole and cut to the stated length.
 * Fails unless each is judged in time, and refused in a few short words.
 *
 * @param mostMs - longest time for one text, in milliseconds. Default 5,000: only a hang takes as long
 */
export async function assertTextsAreBounded(
  parser: ConfigurationParser<unknown>,
  schema: JsonSchema,
  valid: Given,
  mostMs = hangMs,
): Promise<void> {
  for (const { path, maxLength } of textFields(schema)) {
    for (const name of Object.keys(hostileTexts)) {
      for (const length of new Set([...lengths, Math.min(maxLength, ...lengths)])) {
        const input = withValue(valid, path, hostileText(name, length))
        await assertBounded(`${path.join(".")}: ${name}, ${length} times`, parser, input, mostMs)
      }
    }
  }
}

/** Documents that are far too large in number rather than in length. */
export async function assertNumbersAreBounded(parser: ConfigurationParser<unknown>, valid: Given): Promise<void> {
  const keys = Object.fromEntries(Array.from({ length: manyKeys }, (_, index) => [`no_such_field_${index}`, index]))
  await assertBounded("unknown fields", parser, { ...valid, ...keys })
  await assertBounded("a long name", parser, { ...valid, ["k".repeat(1_048_576)]: 1 })
  for (const field of Object.keys(valid)) {
    await assertBounded(`${field}: fields`, parser, { ...valid, [field]: keys })
    await assertBounded(`${field}: entries`, parser, {
      ...valid,
      [field]: Array.from({ length: manyKeys }, () => ({ a: "b" })),
    })
    await assertBounded(`${field}: levels`, parser, { ...valid, [field]: nested(10_000) })
  }
}

/** Configurations in which every text on the top level is hostile at once, few enough to be sent one after the other. */
export function hostileConfigurations<Value>(
  schema: JsonSchema,
  valid: Readonly<Record<string, Value>>,
): readonly Readonly<Record<string, Value | string | number>>[] {
  const names = textFields(schema).flatMap(({ path }) => (path.length === 1 ? path : []))
  const keys = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`no_such_field_${index}`, index]))
  const texts = Object.fromEntries(names.map((name) => [name, `${"a/".repeat(32_767)}\n`]))
  return [
    { ...valid, ...keys },
    { ...valid, ...texts },
  ]
}

/** Fails unless a refusal is short: at most 50 issues, none of them with a value or a name in full. */
export function assertShortIssues(place: string, issues: readonly ConfigurationIssue[]): void {
  assert.ok(issues.length <= mostIssues, `${place}: ${issues.length} issues, and ${mostIssues} are the most`)
  for (const { path, message } of issues) {
    const longest = Math.max(message.length, ...path.map((step) => String(step).length))
    assert.ok(longest <= longestMessage, `${place}: a text of ${longest} characters in an issue`)
  }
  const size = JSON.stringify(issues).length
  assert.ok(size <= longestIssues, `${place}: the issues have ${size} characters`)
}

async function assertBounded(
  place: string,
  parser: ConfigurationParser<unknown>,
  input: Given,
  mostMs = hangMs,
): Promise<void> {
  // Other cases run side by side in this process, and have deadlines.
  await othersTurn()
  const startedAtMs = performance.now()
  const result = parser.parse(input)
  const tookMs = performance.now() - startedAtMs
  assert.ok(tookMs < mostMs, `${place}: the parser needs ${Math.round(tookMs)} ms`)
  if (!result.ok) assertShortIssues(place, result.issues)
}

function withValue(given: unknown, [step, ...rest]: readonly string[], value: unknown): Given {
  if (step === undefined) return { value }
  const inner = isGiven(given) ? given[step] : undefined
  const next = rest.length === 0 ? value : withValue(inner, rest, value)
  return { ...(isGiven(given) ? given : {}), [step]: rest[0] === "0" && isGiven(next) ? [next["0"]] : next }
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value]
  return value
}

function isGiven(value: unknown): value is Given {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isObject(value: JsonValue | undefined): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
