import assert from "node:assert/strict"
import type { SetupDocument } from "@apeiro-cmk/plugin-interface"

/** Fails unless there is a document and each one is complete. */
export function assertSoundDocuments(documents: readonly SetupDocument[]): void {
  assert.notEqual(documents.length, 0, "there must be a document")
  for (const { title, fileName, language, text } of documents) {
    for (const part of [title, fileName, language, text]) assert.notEqual(part.trim(), "")
  }
}
