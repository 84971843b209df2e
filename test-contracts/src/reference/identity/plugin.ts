import type {
  CallOptions,
  IdentityPluginV1,
  PluginServices,
  Principal,
  WorkloadIdentity,
} from "@apeiro-cmk/plugin-interface"
import { definePlugin } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { type ReferenceConfiguration, ReferencePlugin, referenceConfiguration } from "../reference-plugin.ts"

const principal = z.object({
  subject: z.string(),
  issuer: z.string(),
  groups: z.array(z.string()),
  displayName: z.string(),
})
const workload = z.object({ spiffeId: z.string(), tenantId: z.string() })

class ReferenceIdentity extends ReferencePlugin<"identity"> implements IdentityPluginV1 {
  constructor(configuration: ReferenceConfiguration, services: PluginServices<"identity">) {
    const nextStep = "Log in again."
    const meanings = {
      "token-rejected": { code: "CREDENTIAL_REJECTED", nextStep },
      "unknown-workload": { code: "CREDENTIAL_REJECTED", nextStep },
    } as const
    super(configuration, services, { loginAction: "identityLogin", meanings })
  }

  authenticate(token: string, call: CallOptions): Promise<Principal> {
    return this.ask("authenticate", { token }, principal, call)
  }

  resolveWorkload({ spiffeId }: { readonly spiffeId: string }, call: CallOptions): Promise<WorkloadIdentity> {
    return this.ask("resolveWorkload", { spiffeId }, workload, call)
  }

  permissions({ groups }: Principal, tenantId: string, call: CallOptions): Promise<readonly string[]> {
    return this.ask("permissions", { groups, tenantId }, z.array(z.string()), call)
  }
}

/** An identity plugin against which the kit proves itself. Its identity provider is `startReferenceBackend("identity")`. */
export const referenceIdentity = definePlugin({
  manifest: {
    name: "reference-identity",
    displayName: "Reference identity provider",
    description: "Connects the reference identity provider of the conformance kit.",
    kind: "identity",
    contract: "identity/v1",
    capabilities: ["resolveWorkload", "permissions"],
    unsupported: {},
  },
  configuration: { plugin: referenceConfiguration },
  create: (configuration, services) => new ReferenceIdentity(configuration, services),
})
