import type { ImportParameters, KeyDescription } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import { momentOf } from "../../fields.ts"
import type { importedKeyAnswer, importParameters } from "./key-import-schemas.ts"

/** Writes import parameters as the API shows them. */
export function importParametersOf(parameters: ImportParameters): z.input<typeof importParameters> {
  const { publicKey, wrappingAlgorithm, hashFunction, providerParams: opaque, validToMs } = parameters
  const validTo = validToMs === undefined ? {} : { validTo: momentOf(validToMs) }
  return { publicKey, wrappingAlgorithm, hashFunction, providerParams: opaque, ...validTo }
}

/** Writes an imported key as the API shows it. */
export function importedKeyOf(description: KeyDescription): z.input<typeof importedKeyAnswer> {
  const { identity, state, algorithm, exportable, latestVersion, warnings } = description
  return {
    l1_key_identity: identity,
    state,
    algorithm,
    exportable,
    latest_version: latestVersion,
    warnings: [...warnings],
  }
}
