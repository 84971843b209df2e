import * as z from "zod"

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())
const principal = z.union([z.literal("*"), z.record(z.string(), oneOrMore)])
const statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(["Allow", "Deny"]),
  Principal: principal.optional(),
  Action: oneOrMore,
  Resource: oneOrMore.optional(),
  Condition: z.record(z.string(), z.record(z.string(), oneOrMore)).default({}),
})

/** An IAM policy document, as an administrator writes it. Unknown elements are refused. */
export const policyDocument = z.strictObject({
  Version: z.literal("2012-10-17"),
  Statement: z.union([statement, z.array(statement)]).transform((value) => [value].flat()),
})

/** A parsed policy document. */
export type PolicyDocument = z.output<typeof policyDocument>
type Statement = PolicyDocument["Statement"][number]

/** A request for permission. */
export interface PolicyQuestion {
  readonly action: string
  readonly resource?: string
  /** E.g. `AWS` and an ARN. */
  readonly principal?: readonly [kind: string, name: string]
  /** Condition keys with their values. */
  readonly context: Readonly<Record<string, string | readonly string[]>>
}

/** Evaluates a document: anything that is not allowed is denied, and an explicit denial wins. */
export function isAllowed({ Statement: statements }: PolicyDocument, question: PolicyQuestion): boolean {
  const fitting = statements.filter((each) => fits(each, question))
  return fitting.some(({ Effect }) => Effect === "Allow") && !fitting.some(({ Effect }) => Effect === "Deny")
}

function fits(each: Statement, { action, resource, principal: caller, context }: PolicyQuestion): boolean {
  if (!each.Action.some((pattern) => isLike(action.toLowerCase(), pattern.toLowerCase()))) return false
  if (resource !== undefined && !(each.Resource ?? []).some((pattern) => isLike(resource, pattern))) return false
  if (caller !== undefined && !hasPrincipal(each, caller)) return false
  return Object.entries(each.Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, allowed]) => holds(operator, [context[key] ?? []].flat(), allowed)),
  )
}

function hasPrincipal({ Principal: named }: Statement, [kind, name]: readonly [string, string]): boolean {
  if (named === undefined || named === "*") return named === "*"
  return (named[kind] ?? []).some((each) => each === name || each === "*")
}

const operators: Readonly<Record<string, (value: string, allowed: string) => boolean>> = {
  StringEquals: (value, allowed) => value === allowed,
  StringLike: isLike,
  ArnEquals: isLike,
  ArnLike: isLike,
}

/** A key that the request does not have fulfils nothing. */
function holds(operator: string, values: readonly string[], allowed: readonly string[]): boolean {
  const compare = operators[operator.replace(/^ForAnyValue:/, "")]
  if (compare === undefined) throw new Error(`the emulator does not know the condition operator ${operator}`)
  return values.some((value) => allowed.some((each) => compare(value, each)))
}

function isLike(value: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".")
  return new RegExp(`^${source}$`, "s").test(value)
}
