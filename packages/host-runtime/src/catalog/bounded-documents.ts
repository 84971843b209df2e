import type { CallOptions, SetupDocument } from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError, toPluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

const nextStep = "Report this to the plugin's author."
const documents = z.array(
  z.looseObject({ title: z.string(), fileName: z.string(), language: z.string(), text: z.string() }),
)

/**
 * Returns the documents of a plugin before the deadline of the call, also when the plugin does not hear its signal.
 * @throws {PluginError} BAD_RESPONSE - it returned something else; TIMED_OUT, CANCELLED; INTERNAL - it failed undeclared
 */
export async function boundedDocuments(
  write: () => Promise<readonly SetupDocument[]>,
  { signal }: CallOptions,
): Promise<readonly SetupDocument[]> {
  const written = async () => write()
  const answer = await abortable(written(), signal).catch((error: unknown) => {
    throw toPluginError(error, { message: "The plugin could not write its set-up documents.", nextStep })
  })
  if (documents.safeParse(answer).success) return answer
  const message = "The plugin returned something that is not a list of documents."
  throw pluginError("BAD_RESPONSE", message, nextStep, { origin: "plugin" })
}
