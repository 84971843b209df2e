import * as z from "zod"
import { jsonSchemaMember } from "../../load/manifest-members.ts"
import { parserOfSchema } from "../../load/schema-parser.ts"
import type { HostKind } from "../kind.ts"
import { upstreamOnlyKeystore } from "./upstream-only.ts"

/** Plugins of kind `keystore`: at least one, each with its own plugin type, by which keystores find it. */
export const keystoreHostKind: HostKind<"keystore"> = {
  cardinality: {
    required: { nextStep: "Add a plugin with `type: keystore`: without one, no tenant's key is reachable." },
    distinctBy: { name: "plugin type", of: ({ pluginType }) => pluginType },
  },
  versions: [1],
  manifestMembers: {
    pluginType: z.string().regex(/^[a-z][a-z0-9_]*$/),
    keystoreConfigurationSchema: jsonSchemaMember,
    activationFacts: z.record(z.string(), z.looseObject({ description: z.string() })),
    identityFields: z.array(z.string()),
    operationsPerHourField: z.string().optional(),
    productionReady: z.boolean(),
  },
  parsers: ["keystore"],
  parsersFrom: ({ keystoreConfigurationSchema }) => ({ keystore: parserOfSchema(keystoreConfigurationSchema) }),
  isProductionReady: ({ productionReady }) => productionReady,
  administration: {
    by: "tenant",
    testInstead: "Test the keystore of a tenant: POST /v1/tenants/{t}/keystores/{k}/test.",
    setupMaterialInstead: "Get it for the keystore of a tenant: GET /v1/tenants/{t}/keystores/{k}/setup-material.",
  },
  upstreamOnly: upstreamOnlyKeystore,
}
