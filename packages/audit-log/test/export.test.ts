import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createAuditRecorder, createAuditSequencer, exportLines, rootHash, verifyExport } from "../src/index.ts"
import { appendLeaf } from "../src/merkle.ts"
import { InMemoryAudit } from "./in-memory-audit.ts"
import { ManualClock } from "./manual-clock.ts"
import { sampleEvent } from "./sample-events.ts"

async function exportOf(count: number, tenantId = "acme") {
  const audit = new InMemoryAudit()
  const clock = new ManualClock()
  const recorder = createAuditRecorder({ intake: audit, clock, replica: "host-1" })
  for (let index = 0; index < count; index += 1) {
    await recorder.record(sampleEvent({ tenantId, requestId: `request-${index}` }))
    clock.jump(10)
  }
  await createAuditSequencer({ log: audit, clock, replica: "host-1", onError: () => undefined }).runOnce()
  return { audit, lines: await collect(exportLines(tenantId, audit)) }
}

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = []
  for await (const line of lines) collected.push(line)
  return collected
}

const verify = (lines: readonly string[]) => verifyExport(stream(lines))
async function* stream(lines: readonly string[]): AsyncIterable<string> {
  yield* lines
}

describe("audit export", () => {
  it("has one line per entry, and one with size, root and tenant", async () => {
    const { audit, lines } = await exportOf(2)
    const [leaf] = await audit.entries("acme", 0, 1)
    const root = rootHash(await audit.head("acme"))
    expect(lines).toHaveLength(3)
    expect(lines[0]).toBe(`{"index":0,"leaf":"${Buffer.from(leaf?.leaf ?? []).toString("base64")}"}`)
    expect(lines[2]).toBe(`{"size":2,"root":"${Buffer.from(root).toString("base64")}","tenant":"acme"}`)
  })

  it("verifies offline, across several pages", async () => {
    const { audit, lines } = await exportOf(1001)
    expect(await verify(lines)).toEqual({
      tenantId: "acme",
      size: 1001,
      root: rootHash(await audit.head("acme")),
      firstRecordedAtMs: 1_764_000_000_000,
      lastRecordedAtMs: 1_764_000_010_000,
    })
  })

  it("verifies when nothing was ever recorded", async () => {
    const { lines } = await exportOf(0)
    expect(await verify(lines)).toMatchObject({ tenantId: "acme", size: 0 })
    expect(await verify([...lines, ""])).toMatchObject({ size: 0 })
  })

  it("refuses lines with the same content in other bytes", async () => {
    const { lines } = await exportOf(3)
    const [first = "", ...rest] = lines
    for (const spelling of [` ${first}`, first.replace(":0,", ":0.0,"), first.replace("{", '{"index":7,')]) {
      await expect(verify([spelling, ...rest])).rejects.toMatchObject({ code: "AUDIT_EXPORT_INVALID" })
    }
  })

  it("refuses a log that contains one entry_id twice, even if index, size and root match", async () => {
    const { audit } = await exportOf(4)
    const twice = audit.logs.get("acme")?.[1]
    if (twice === undefined) throw new Error("no entry")
    audit.logs.get("acme")?.push({ ...twice, index: 4 })
    audit.heads.set("acme", appendLeaf(await audit.head("acme"), twice.leaf))
    await expect(verifyExport(exportLines("acme", audit))).rejects.toMatchObject({
      code: "AUDIT_EXPORT_INVALID",
      message: expect.stringContaining("Line 5: entry 4 has the entry_id of an earlier entry"),
    })
  })

  it("reveals an entry that was altered in the database", async () => {
    const { audit } = await exportOf(5)
    const entry = audit.logs.get("acme")?.[2]
    if (entry === undefined) throw new Error("no entry")
    const text = new TextDecoder().decode(entry.leaf).replace("request-2", "request-9")
    audit.logs.get("acme")?.splice(2, 1, { ...entry, leaf: new TextEncoder().encode(text) })
    await expect(verifyExport(exportLines("acme", audit))).rejects.toMatchObject({
      code: "AUDIT_EXPORT_INVALID",
      message: expect.stringContaining("do not have the root"),
    })
  })

  it("reveals entries that were removed from the database", async () => {
    const { audit } = await exportOf(5)
    audit.logs.get("acme")?.pop()
    await expect(verifyExport(exportLines("acme", audit))).rejects.toMatchObject({
      message: expect.stringContaining("entries 4 to 4 are missing"),
    })
  })
})

describe("offline verification reports", async () => {
  const { lines } = await exportOf(6)
  const foreign = (await exportOf(6, "globex")).lines
  const parts = (count: number) => lines.slice(0, count)
  const last = lines.slice(-1)
  const withLeaf = (line: string | undefined, change: (leaf: string) => string) => {
    const entry: { index: number; leaf: string } = JSON.parse(line ?? "")
    const leaf = change(Buffer.from(entry.leaf, "base64").toString())
    return JSON.stringify({ index: entry.index, leaf: Buffer.from(leaf).toString("base64") })
  }

  it.each<[string, readonly string[], string]>([
    [
      "a leaf that is not a leaf any more",
      lines.with(
        1,
        withLeaf(lines[1], (leaf) => `${leaf} `),
      ),
      "Line 2: entry 1 was altered",
    ],
    [
      "a leaf with another content",
      lines.with(
        1,
        withLeaf(lines[1], (leaf) => leaf.replace("host-1", "host-2")),
      ),
      "root",
    ],
    ["a missing entry", lines.toSpliced(2, 1), "Line 3: entry 2 is missing before entry 3"],
    ["several missing entries", lines.toSpliced(2, 2), "Line 3: entries 2 to 3 are missing"],
    ["a missing first entry", lines.slice(1), "Line 1: entry 0 is missing"],
    ["missing last entries", [...parts(4), ...last], "entries 4 to 5 are missing"],
    ["reordered entries", [...parts(2), lines[3] ?? "", lines[2] ?? "", ...lines.slice(4)], "reordered"],
    ["a repeated entry", [...parts(2), lines[1] ?? "", ...lines.slice(2)], "Line 3: entry 1 appears twice"],
    [
      "a repeated entry under a new number",
      [...parts(6), (lines[1] ?? "").replace('"index":1', '"index":6'), ...last],
      "Line 7: entry 6 has the entry_id of an earlier entry",
    ],
    ["exchanged contents", [...exchanged(lines), ...lines.slice(2)], "root"],
    ["no last line", parts(6), "cut off"],
    ["nothing at all", [], "cut off"],
    ["a last line cut in half", [...parts(6), (lines[6] ?? "").slice(0, 30)], "Line 7: not JSON"],
    ["an entry cut in half", [...parts(3), (lines[3] ?? "").slice(0, 80)], "Line 4: not JSON"],
    ["a wrong size", lines.with(6, (lines[6] ?? "").replace('"size":6', '"size":5')), "entries were added"],
    [
      "a wrong root",
      lines.with(6, (lines[6] ?? "").replace(/"root":"./, '"root":"_')),
      "Line 7: not a valid last line",
    ],
    ["the root of another log", [...parts(6), (foreign[6] ?? "").replace("globex", "acme")], "root"],
    ["another tenant's entry", lines.with(3, foreign[3] ?? ""), "entry 3 belongs to globex"],
    ["another tenant's last line", [...parts(6), (lines[6] ?? "").replace("acme", "globex")], "the tenant globex"],
    ["something after the last line", [...lines, lines[0] ?? ""], "Line 8: something follows"],
    ["a line of another kind", lines.with(2, '{"index":2}'), "Line 3: neither"],
    ["an index that is not a number", lines.with(2, '{"index":"2","leaf":""}'), "Line 3: not a valid entry"],
    ["another spelling of base64", lines.with(2, (lines[2] ?? "").replace('"}', '\\n"}')), "Line 3: not a valid entry"],
    ["an empty line", lines.toSpliced(2, 0, ""), "Line 3: not JSON"],
  ])("%s", async (_, altered, message) => {
    await expect(verify(altered)).rejects.toMatchObject({
      code: "AUDIT_EXPORT_INVALID",
      message: expect.stringContaining(message),
      retryable: false,
    })
  })

  it("any other character, in any place", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.constantFrom(...'AbZ09+/="{}:, x'), async (line, place, character) => {
        const original = lines[line % lines.length] ?? ""
        const altered = [...original].with(place % original.length, character).join("")
        if (altered === original) return
        await expect(verify(lines.with(line % lines.length, altered))).rejects.toMatchObject({
          code: "AUDIT_EXPORT_INVALID",
        })
      }),
      { numRuns: 500 },
    )
  })
})

function exchanged(lines: readonly string[]): string[] {
  const [first = "", second = ""] = lines
  return [second.replace('"index":1', '"index":0'), first.replace('"index":0', '"index":1')]
}
