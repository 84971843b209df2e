import * as z from "zod"

/** Name of a key in the key file. */
export const keyName = () =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, {
    error: "must be 1 to 100 letters, digits, dots, dashes and underscores, and begin with a letter or digit",
  })

/** What the operator writes in the profile. */
export const pluginConfiguration = z.strictObject({
  keyFile: z
    .string()
    .min(1)
    .max(4096)
    .refine((path) => !path.includes("\0"), { error: "must not contain a NUL character" })
    .meta({
      title: "Key file",
      description: "Where the L1 keys are kept: created with mode 0600. Relative to the folder of the profile.",
      // The host makes such a field absolute.
      format: "path",
    }),
  keyNames: z.array(keyName()).min(1).max(1000).default(["default"]).meta({
    title: "Names of keys",
    description: "Keys that are created when the plugin starts and has none so named.",
  }),
})

/** The operator's settings, parsed. */
export type PluginConfiguration = z.output<typeof pluginConfiguration>

/** What an administrator enters for one keystore. */
export const keystoreConfiguration = z.strictObject({
  key_name: keyName().default("default").meta({ title: "Name of the L1 key" }),
})
