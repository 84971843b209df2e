import * as z from "zod"

/** A member of a manifest that is a JSON Schema. */
export const jsonSchemaMember = z.record(z.string(), z.json())

/** Members of every manifest that the host relies on. */
export const commonManifestMembers = {
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  displayName: z.string().min(1),
  description: z.string().min(1),
  contract: z.string(),
  pluginConfigurationSchema: jsonSchemaMember,
  capabilities: z.array(z.string()),
  unsupported: z.record(z.string(), z.string()),
} as const
