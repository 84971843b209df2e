import { exportInvalid } from "./error.ts"

/** One line of an export that contains an entry. */
export interface EntryLine {
  readonly kind: "entry"
  readonly index: number
  readonly leaf: Uint8Array
}

/** A line of an export: an entry, or the final statement. */
export type ExportLine =
  | EntryLine
  | { readonly kind: "end"; readonly size: number; readonly root: Uint8Array; readonly tenantId: string }

/** A leaf of 65,536 bytes in base64 has 87,384 characters. */
const longestLine = 90_000

/** Parses a line. @throws {AuditError} AUDIT_EXPORT_INVALID - names the line by `number`, which starts at 1 */
export function parseLine(line: string, number: number): ExportLine {
  if (line.length > longestLine) throw exportInvalid(`Line ${number}: longer than any line of an export.`)
  const value = parseJson(line, number)
  const parsed = entryOrEnd(value, number)
  // Spaces, repeated keys, 3.0 for 3: another verifier might read such bytes differently.
  if (JSON.stringify(value) !== line) throw exportInvalid(`Line ${number}: not in the spelling of an export.`)
  return parsed
}

/** Only numbers and texts pass: nothing that is nested. */
function entryOrEnd(value: unknown, number: number): ExportLine {
  if (hasExactly(value, ["index", "leaf"])) {
    const leaf = fromBase64(value.leaf)
    if (!isCount(value.index) || leaf === undefined) throw exportInvalid(`Line ${number}: not a valid entry.`)
    return { kind: "entry", index: value.index, leaf }
  }
  if (hasExactly(value, ["size", "root", "tenant"])) {
    const root = fromBase64(value.root)
    if (!isCount(value.size) || root?.length !== 32 || typeof value.tenant !== "string") {
      throw exportInvalid(`Line ${number}: not a valid last line.`)
    }
    return { kind: "end", size: value.size, root, tenantId: value.tenant }
  }
  throw exportInvalid(`Line ${number}: neither {index, leaf} nor {size, root, tenant}.`)
}

function parseJson(line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw exportInvalid(`Line ${number}: not JSON; it is cut off or damaged.`, cause)
  }
}

function hasExactly<Name extends string>(value: unknown, names: readonly Name[]): value is Record<Name, unknown> {
  if (typeof value !== "object" || value === null) return false
  const present = Object.keys(value)
  return present.length === names.length && names.every((name) => Object.hasOwn(value, name))
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
}

/** Decodes base64 strictly: undefined unless it is the canonical spelling. */
function fromBase64(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string") return undefined
  const bytes = Buffer.from(value, "base64")
  return bytes.toString("base64") === value ? new Uint8Array(bytes) : undefined
}
