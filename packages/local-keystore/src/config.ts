import * as z from "zod"

/** Makes the schema for the name of a key in the key file. */
export const keyName = () =>
  z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, {
      error: "must be 1 to 100 letters, digits, dots, dashes and underscores, and begin with a letter or digit",
    })

/** The settings that the operator makes in the profile. */
export const pluginConfiguration = z.strictObject({
  keyFile: z
    .string()
    .min(1)
    .max(4096)
    .refine((path) => !path.includes("\0"), { error: "must not contain a NUL character" })
    .meta({
      title: "Key file",
      description: "File with the L1 keys, created with mode 0600. Relative to the folder of the profile.",
      // The host makes a field of this format absolute.
      format: "path",
    }),
  keyNames: z.array(keyName()).min(1).max(1000).default(["default"]).meta({
    title: "Key names",
    description: "Keys that the plugin creates at its start, unless they exist.",
  }),
})

/** The parsed plugin configuration. */
export type PluginConfiguration = z.output<typeof pluginConfiguration>

/** The fields that an administrator enters for one keystore. */
export const keystoreConfiguration = z.strictObject({
  key_name: keyName().default("default").meta({ title: "Name of the L1 key" }),
})
