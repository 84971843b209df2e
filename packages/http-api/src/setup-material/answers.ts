import type { SetupDocument } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import type { setupMaterialAnswer } from "./schemas.ts"

/** Writes set-up documents as the API shows them. */
export function setupMaterialOf(documents: readonly SetupDocument[]): z.input<typeof setupMaterialAnswer> {
  return {
    documents: documents.map(({ title, fileName, language, text }) => ({ title, file_name: fileName, language, text })),
  }
}
