import assert from "node:assert/strict"

/** Fails unless a manifest is deeply frozen plain data that survives `structuredClone` and JSON. */
export function assertFrozenPlainData(manifest: object): void {
  assert.deepEqual(structuredClone(manifest), manifest)
  assert.deepEqual(JSON.parse(JSON.stringify(manifest)), manifest)
  assertFrozen(manifest, "manifest")
}

function assertFrozen(value: unknown, path: string): void {
  if (typeof value !== "object" || value === null) return
  assert.ok(Object.isFrozen(value), `${path} is not frozen`)
  for (const [name, child] of Object.entries(value)) assertFrozen(child, `${path}.${name}`)
}
