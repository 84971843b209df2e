import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type AuditEvent, auditActions, decodeLeaf, encodeLeaf, maxLeafBytes } from "../src/index.ts"
import { fullEvent, sampleEvent } from "./sample-events.ts"

const stamp = {
  entryId: "019ab3c4-5555-7000-8000-00000000000a",
  recordedAtMs: 1_764_000_000_000,
  replica: "host-1",
}
const text = (leaf: Uint8Array) => new TextDecoder().decode(leaf)
const bytes = (leaf: string) => new TextEncoder().encode(leaf)
const altered = (change: (leaf: Record<string, unknown>) => void) => {
  const leaf: Record<string, unknown> = JSON.parse(text(encodeLeaf(fullEvent, stamp)))
  change(leaf)
  return bytes(JSON.stringify(leaf))
}
const reversed = (leaf: Uint8Array) =>
  bytes(JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text(leaf))).toReversed())))

describe("audit leaf", () => {
  it("has exactly these bytes", () => {
    expect(text(encodeLeaf(sampleEvent(), stamp))).toBe(
      '{"action":"dataKeyGenerate","actor":{"id":"019ab3c4-0000-7000-8000-000000000001","type":"token"},' +
        '"entry_id":"019ab3c4-5555-7000-8000-00000000000a","format":"apeiro-cmk/audit-leaf/v2","outcome":"success",' +
        '"recorded_at_ms":1764000000000,"replica":"host-1",' +
        '"resource":{"id":"orders","type":"serviceKey","version":"1"},"tenant_id":"acme"}',
    )
  })

  it("decodes to the event that was written, with every optional member", () => {
    expect(decodeLeaf(encodeLeaf(fullEvent, stamp))).toEqual({ ...fullEvent, ...stamp })
  })

  it("decodes to the same event, for any event", () => {
    const words = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
    const facts = fc.dictionary(words, fc.json({ maxDepth: 3 }).map(parsed))
    fc.assert(
      fc.property(words, fc.constantFrom(...auditActions), facts, (id, action, someFacts) => {
        const event: AuditEvent = sampleEvent({ action, actor: { type: "token", id }, facts: someFacts })
        expect(decodeLeaf(encodeLeaf(event, stamp))).toEqual({ ...event, ...stamp })
      }),
    )
  })

  it("decodes even if its action and types come from a later release", () => {
    const leaf = bytes(text(encodeLeaf(sampleEvent(), stamp)).replace("dataKeyGenerate", "keyRotate"))
    expect(decodeLeaf(leaf).action).toBe("keyRotate")
  })

  it("of format v1 is still decoded, with its origin `keystore` for `backend`", () => {
    const before = { format: "apeiro-cmk/audit-leaf/v1", origin: "keystore" }
    const leaf = altered((written) => Object.assign(written, before))
    expect(decodeLeaf(leaf)).toEqual({ ...fullEvent, ...stamp, origin: "keystore" })
  })

  it("of format v1 is refused with an origin that was added later", () => {
    const leaf = altered((written) => Object.assign(written, { format: "apeiro-cmk/audit-leaf/v1" }))
    expect(() => decodeLeaf(leaf)).toThrow(expect.objectContaining({ message: expect.stringContaining("origin") }))
  })

  it.each([
    ["a member of another version", altered((leaf) => Object.assign(leaf, { extra: 1 })), "extra"],
    ["another format", altered((leaf) => Object.assign(leaf, { format: "apeiro-cmk/audit-leaf/v3" })), "format"],
    ["the origin that only format v1 has", altered((leaf) => Object.assign(leaf, { origin: "keystore" })), "origin"],
    ["a missing member", altered((leaf) => Reflect.deleteProperty(leaf, "tenant_id")), "tenant_id"],
    ["an impossible tenant", altered((leaf) => Object.assign(leaf, { tenant_id: "Acme" })), "tenant_id"],
    ["an id of another kind", altered((leaf) => Object.assign(leaf, { entry_id: "7" })), "entry_id"],
    [
      "a time that is not a whole number",
      altered((leaf) => Object.assign(leaf, { recorded_at_ms: 1.5 })),
      "recorded_at_ms",
    ],
    ["an actor that is not an object", altered((leaf) => Object.assign(leaf, { actor: "root" })), "actor"],
    ["facts that are a list", altered((leaf) => Object.assign(leaf, { facts: [] })), "facts"],
    ["another order of members", reversed(encodeLeaf(fullEvent, stamp)), "canonical"],
    ["text that is not JSON", bytes("{"), "JSON"],
    ["bytes that are not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "UTF-8"],
    ["a byte order mark", bytes(`\uFEFF${text(encodeLeaf(sampleEvent(), stamp))}`), "JSON"],
    ["a space", bytes(text(encodeLeaf(sampleEvent(), stamp)).replace(",", ", ")), "canonical"],
    [
      "a doubled member",
      bytes(text(encodeLeaf(sampleEvent(), stamp)).replace("{", '{"action":"keyCreate",')),
      "canonical",
    ],
    ["too many bytes", new Uint8Array(maxLeafBytes + 1), "at most"],
  ])("is refused with %s", (_, leaf, reason) => {
    expect(() => decodeLeaf(leaf)).toThrow(
      expect.objectContaining({ code: "AUDIT_LEAF_INVALID", message: expect.stringContaining(reason) }),
    )
  })

  it.each([
    ["a lone surrogate", sampleEvent({ facts: { path: "\ud800" } })],
    ["a number that JSON lacks", sampleEvent({ facts: { count: Number.NaN } })],
    ["an impossible tenant", sampleEvent({ tenantId: "../other" })],
    ["too many bytes", sampleEvent({ facts: { text: "x".repeat(maxLeafBytes) } })],
  ])("is not written with %s", (_, event) => {
    expect(() => encodeLeaf(event, stamp)).toThrow(expect.objectContaining({ code: "AUDIT_LEAF_INVALID" }))
  })
})

/** Normalises a value as JSON does: it has only one zero. */
function parsed(json: string): JsonValue {
  const value: JsonValue = JSON.parse(json)
  return JSON.parse(JSON.stringify(value))
}
