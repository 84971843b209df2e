import * as z from "zod"

/** Documents with which a backend's administrator prepares it. */
export const setupMaterialAnswer = z
  .strictObject({
    documents: z.array(
      z.strictObject({ title: z.string(), file_name: z.string(), language: z.string(), text: z.string() }),
    ),
  })
  .meta({ id: "SetupMaterial" })
