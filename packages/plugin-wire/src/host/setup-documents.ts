import type { SetupDocument } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"

/** Shape of setup documents, as they come over the wire. */
export const setupDocumentsShape: z.ZodType<readonly SetupDocument[]> = z.array(
  z.object({ title: z.string(), fileName: z.string(), language: z.string(), text: z.string() }),
)
