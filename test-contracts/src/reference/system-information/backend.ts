import * as z from "zod"
import { type Operations, Refusal } from "../operations.ts"

const validation = z.object({ resource: z.record(z.string(), z.json()) })
const watched = z.object({ kind: z.string() })

/** The reference mesh knows resources of the kind `Tenant`, of which there is one. */
export const systemInformationOperations: Operations = {
  validate(input) {
    const accepted = validation.parse(input).resource.kind === "Tenant"
    return accepted
      ? { accepted, reason: "Known", message: "The mesh knows tenants." }
      : { accepted, reason: "UnknownKind", message: "The mesh knows only tenants." }
  },
  list(input) {
    const { kind } = watched.parse(input)
    return kind === "Tenant" ? [{ kind, name: "acme" }] : []
  },
  writeStatus(input) {
    if (validation.parse(input).resource.kind !== "Tenant") throw new Refusal("unknown-resource")
  },
}
