import { type ErrorOrigin, errorOrigins, type JsonValue } from "@apeiro-cmk/plugin-interface"
import { leafInvalid } from "./error.ts"

/** Value of the member `format` in every new leaf. */
export const leafFormat = "apeiro-cmk/audit-leaf/v2"

/** The origin in leaves of format v1 for which v2 says `backend`. */
export const originBeforeV2 = "keystore"

/** Origins by format; every format that was ever written stays readable. */
const originsByFormat = {
  "apeiro-cmk/audit-leaf/v1": ["caller", "host", "plugin", originBeforeV2, "network"],
  [leafFormat]: errorOrigins,
} as const satisfies Record<string, readonly LeafOrigin[]>

type LeafFormat = keyof typeof originsByFormat

/** Origin of an error, as written in a leaf of any format. */
export type LeafOrigin = ErrorOrigin | typeof originBeforeV2

/** A leaf in JSON; docs/audit-format.md defines each member. */
export interface LeafDocument {
  readonly format: LeafFormat
  readonly entry_id: string
  readonly tenant_id: string
  readonly recorded_at_ms: number
  readonly replica: string
  readonly actor: { readonly type: string; readonly id: string }
  readonly action: string
  readonly resource: { readonly type: string; readonly id: string; readonly version?: string }
  readonly outcome: "success" | "failure"
  readonly code?: string
  readonly origin?: LeafOrigin
  readonly keystore_id?: string
  readonly request_id?: string
  readonly trace_id?: string
  readonly backend_request_id?: string
  readonly facts?: Readonly<Record<string, JsonValue>>
}

type Check = (value: unknown) => boolean
type Members = Readonly<Record<string, { readonly check: Check; readonly optional?: true }>>

const maxDepth = 16

const matches =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === "string" && pattern.test(value)
const text: Check = (value) => typeof value === "string" && value.length > 0 && value.length <= 4096
const oneOf =
  (...allowed: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && allowed.includes(value)
const word = matches(/^[a-z][A-Za-z0-9]{0,63}$/)

const actorMembers: Members = { type: { check: word }, id: { check: text } }

const resourceMembers: Members = {
  type: { check: word },
  id: { check: text },
  version: { check: text, optional: true },
}

const membersOf = (origins: readonly string[]): Members => ({
  format: { check: oneOf(...Object.keys(originsByFormat)) },
  entry_id: { check: matches(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/) },
  tenant_id: { check: matches(/^(?:[a-z0-9][a-z0-9-]{0,39}|_platform)$/) },
  recorded_at_ms: { check: (value) => Number.isSafeInteger(value) && Number(value) >= 0 },
  replica: { check: text },
  actor: { check: (value) => hasMembers(value, "actor", actorMembers) },
  action: { check: word },
  resource: { check: (value) => hasMembers(value, "resource", resourceMembers) },
  outcome: { check: oneOf("success", "failure") },
  code: { check: matches(/^[A-Z][A-Z0-9_]{0,63}$/), optional: true },
  origin: { check: oneOf(...origins), optional: true },
  keystore_id: { check: text, optional: true },
  request_id: { check: text, optional: true },
  trace_id: { check: matches(/^[0-9a-f]{32}$/), optional: true },
  backend_request_id: { check: text, optional: true },
  facts: { check: (value) => isObject(value) && isJson(value, maxDepth), optional: true },
})

const membersByFormat = new Map<unknown, Members>(
  Object.entries(originsByFormat).map(([format, origins]) => [format, membersOf(origins)]),
)
/** Checks a leaf of unknown format, so that the error names the format. */
const membersOfLeaf = membersOf(errorOrigins)

/** Checks the members of a leaf. @throws {AuditError} AUDIT_LEAF_INVALID - names the member */
export function checkLeaf(value: unknown): asserts value is LeafDocument {
  const format = isObject(value) ? value.format : undefined
  hasMembers(value, "leaf", membersByFormat.get(format) ?? membersOfLeaf)
}

function hasMembers(value: unknown, name: string, members: Members): true {
  if (!isObject(value)) throw leafInvalid(`The ${name} is not a JSON object.`)
  for (const [member, { check, optional }] of Object.entries(members)) {
    if (!Object.hasOwn(value, member)) {
      if (optional) continue
      throw leafInvalid(`The ${name} lacks ${member}.`)
    }
    if (!check(value[member])) throw leafInvalid(`The ${name} has an invalid ${member}.`)
  }
  const unknown = Object.keys(value).find((member) => !Object.hasOwn(members, member))
  if (unknown !== undefined)
    throw leafInvalid(`The ${name} has an unknown member, ${JSON.stringify(unknown.slice(0, 80))}.`)
  return true
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === "boolean" || typeof value === "string") return true
  if (typeof value === "number") return Number.isFinite(value)
  if (depth === 0 || typeof value !== "object") return false
  return Object.values(value).every((member) => isJson(member, depth - 1))
}
