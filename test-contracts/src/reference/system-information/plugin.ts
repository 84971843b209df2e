import type {
  CallOptions,
  JsonValue,
  PluginServices,
  ResourceChange,
  ResourceVerdict,
  SystemInformationPluginV1,
} from "@apeiro-cmk/plugin-interface"
import { definePlugin } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { type ReferenceConfiguration, ReferencePlugin, referenceConfiguration } from "../reference-plugin.ts"

type Resource = { readonly [key: string]: JsonValue }

const resources = z.array(z.record(z.string(), z.json()))
const verdict = z.object({ accepted: z.boolean(), reason: z.string(), message: z.string() })

class ReferenceMesh extends ReferencePlugin<"system-information"> implements SystemInformationPluginV1 {
  constructor(configuration: ReferenceConfiguration, services: PluginServices<"system-information">) {
    const nextStep = "Name a resource that the mesh has."
    const meanings = { "unknown-resource": { code: "NOT_FOUND", nextStep } } as const
    super(configuration, services, { loginAction: "systemInformationLogin", meanings })
  }

  validate(resource: Resource, call: CallOptions): Promise<ResourceVerdict> {
    return this.ask("validate", { resource }, verdict, call)
  }

  /** Lists what is there; the reference mesh never changes, so the watch then ends. */
  async *watch(kind: string, call: CallOptions): AsyncGenerator<ResourceChange> {
    for (const resource of await this.ask("list", { kind }, resources, call)) yield { type: "added", resource }
  }

  async writeStatus(resource: Resource, status: Resource, call: CallOptions): Promise<void> {
    await this.ask("writeStatus", { resource, status }, z.object({}), call)
  }
}

/** A system information plugin against which the kit proves itself. Its mesh is `startReferenceBackend("system-information")`. */
export const referenceSystemInformation = definePlugin({
  manifest: {
    name: "reference-system-information",
    displayName: "Reference mesh",
    description: "Connects the reference mesh of the conformance kit.",
    kind: "system-information",
    contract: "system-information/v1",
    capabilities: ["watch", "writeStatus"],
    unsupported: {},
  },
  configuration: { plugin: referenceConfiguration },
  create: (configuration, services) => new ReferenceMesh(configuration, services),
})
