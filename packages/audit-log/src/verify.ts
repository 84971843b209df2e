import { EntryIdSet } from "./entry-id-set.ts"
import { exportInvalid } from "./error.ts"
import { type EntryLine, type ExportLine, parseLine } from "./export-line.ts"
import { type AuditLeaf, decodeLeaf } from "./leaf.ts"
import { appendLeaf, emptyTree, rootHash, type TreeHead } from "./merkle.ts"

/** A verified export. */
export interface VerifiedExport {
  readonly tenantId: string
  /** Number of entries. */
  readonly size: number
  /** Merkle root of the entries, 32 bytes: compare it with a root that you kept elsewhere. */
  readonly root: Uint8Array
  /** Time of the first entry, in milliseconds since the Unix epoch; absent when there is none. */
  readonly firstRecordedAtMs?: number
  /** Time of the last entry, in milliseconds since the Unix epoch; absent when there is none. */
  readonly lastRecordedAtMs?: number
}

/**
 * Verifies an exported log offline: every entry is well formed, in its place, present once and of the same tenant, and
 * together the entries have the root in the last line. Memory grows by about 100 bytes per entry.
 *
 * It proves that the export is whole, not that it is the only one: someone who can rewrite the whole file can rewrite
 * its last line as well. Compare `root` and `size` with a head that you kept earlier.
 *
 * @param lines - the lines of the file, without line ends
 * @throws {AuditError} AUDIT_EXPORT_INVALID - names the line, and whether an entry was altered, is missing or was moved
 */
export async function verifyExport(lines: AsyncIterable<string>): Promise<VerifiedExport> {
  const iterator = lines[Symbol.asyncIterator]()
  try {
    return await verify(iterator)
  } finally {
    await iterator.return?.()
  }
}

async function verify(iterator: AsyncIterator<string>): Promise<VerifiedExport> {
  const seen: Seen = { head: emptyTree(""), entryIds: new EntryIdSet() }
  for (let number = 1; ; number += 1) {
    const next = await iterator.next()
    if (next.done) {
      throw exportInvalid(`The export ends after ${seen.head.size} entries without its last line: it is cut off.`)
    }
    const line = parseLine(next.value, number)
    if (line.kind === "end") {
      await expectNothing(iterator, number + 1)
      return conclude(seen, line)
    }
    if (line.index !== seen.head.size) throw await misplaced(line, seen.head.size, number, iterator)
    takeEntry(seen, line, number)
  }
}

interface Seen {
  head: TreeHead
  readonly entryIds: EntryIdSet
  tenantId?: string
  firstRecordedAtMs?: number
  lastRecordedAtMs?: number
}

function takeEntry(seen: Seen, line: EntryLine, number: number): void {
  const leaf = readLeaf(line, number)
  seen.tenantId ??= leaf.tenantId
  if (leaf.tenantId !== seen.tenantId) {
    throw exportInvalid(
      `Line ${number}: entry ${line.index} belongs to ${leaf.tenantId}, the others belong to ${seen.tenantId}.`,
    )
  }
  if (!seen.entryIds.add(leaf.entryId)) {
    throw exportInvalid(`Line ${number}: entry ${line.index} has the entry_id of an earlier entry.`)
  }
  seen.firstRecordedAtMs ??= leaf.recordedAtMs
  seen.lastRecordedAtMs = leaf.recordedAtMs
  seen.head = appendLeaf(seen.head, line.leaf)
}

function readLeaf(line: EntryLine, number: number): AuditLeaf {
  try {
    return decodeLeaf(line.leaf)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : ""
    throw exportInvalid(`Line ${number}: entry ${line.index} was altered. ${reason}`, cause)
  }
}

function conclude(seen: Seen, end: Extract<ExportLine, { kind: "end" }>): VerifiedExport {
  const { size } = seen.head
  if (size !== end.size) {
    throw exportInvalid(
      size < end.size
        ? `The last line states ${end.size} entries and the export has ${size}: entries ${size} to ${end.size - 1} are missing.`
        : `The last line states ${end.size} entries and the export has ${size}: entries were added.`,
    )
  }
  if (seen.tenantId !== undefined && seen.tenantId !== end.tenantId) {
    throw exportInvalid(`The last line states the tenant ${end.tenantId} and the entries belong to ${seen.tenantId}.`)
  }
  const root = rootHash(seen.head)
  if (Buffer.compare(root, end.root) !== 0) {
    throw exportInvalid(
      `The ${size} entries do not have the root of the last line: an entry was altered, exchanged or renumbered, or the last line was.`,
    )
  }
  return {
    tenantId: end.tenantId,
    size,
    root,
    ...(seen.firstRecordedAtMs === undefined ? {} : { firstRecordedAtMs: seen.firstRecordedAtMs }),
    ...(seen.lastRecordedAtMs === undefined ? {} : { lastRecordedAtMs: seen.lastRecordedAtMs }),
  }
}

/** Reads on, to distinguish a missing entry from one in another place. */
async function misplaced(line: EntryLine, expected: number, number: number, rest: AsyncIterator<string>) {
  if (line.index < expected) return exportInvalid(`Line ${number}: entry ${line.index} appears twice.`)
  for (let later = number + 1; ; later += 1) {
    const next = await rest.next()
    if (next.done) break
    const laterLine = parseLine(next.value, later)
    if (laterLine.kind === "entry" && laterLine.index === expected) {
      return exportInvalid(
        `Line ${number}: entry ${line.index} stands before entry ${expected}: entries were reordered.`,
      )
    }
  }
  const missing = line.index - 1 === expected ? `entry ${expected} is` : `entries ${expected} to ${line.index - 1} are`
  return exportInvalid(`Line ${number}: ${missing} missing before entry ${line.index}.`)
}

async function expectNothing(rest: AsyncIterator<string>, number: number): Promise<void> {
  for (let later = number; ; later += 1) {
    const next = await rest.next()
    if (next.done) return
    if (next.value !== "") throw exportInvalid(`Line ${later}: something follows after the last line.`)
  }
}
