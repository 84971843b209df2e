import { egressConfiguration, namesEveryHost, proxyConfiguration, tlsRules } from "@apeiro-cmk/plugin-sdk"
import { z } from "zod"
import { authenticationFields, authenticationRules } from "./config-authentication.ts"
import { connectionFields } from "./config-connection.ts"
import { keyName, serverPath } from "./config-text.ts"
import { platformConfiguration, platformCredential } from "./provider/platform-configuration.ts"

/** What the operator sets once for all keystores of this plugin. */
export const pluginConfiguration = z
  .strictObject({
    ...egressConfiguration,
    ...proxyConfiguration,
    requestTimeoutMs: z
      .int()
      .min(100)
      .max(30_000)
      .default(5_000)
      .meta({ title: "Request time-out", description: "Longest time for one request to OpenBao, in milliseconds." }),
    connections: z
      .int()
      .min(1)
      .max(256)
      .default(16)
      .meta({ title: "Connections", description: "Most connections per server and TLS identity." }),
    platform: platformConfiguration.optional().meta({
      title: "Server of the platform",
      description: "Where keystores are made for tenants that run none themselves.",
    }),
    platformCredential: platformCredential.optional(),
  })
  .refine(({ platform, platformCredential: credential }) => (platform === undefined) === (credential === undefined), {
    error: "goes with the platform section, and with nothing else",
    path: ["platformCredential"],
  })
  .refine((settings) => settings.proxy === undefined || namesEveryHost(settings), {
    error: "must name hosts or domains when there is a proxy, which resolves names unseen: no https://*",
    path: ["allowedEndpoints"],
  })

/** The parsed plugin configuration. */
export type PluginConfiguration = z.output<typeof pluginConfiguration>

const keystoreFields = z.strictObject({
  ...connectionFields,
  ...authenticationFields,
  mount_path: serverPath()
    .default("transit")
    .meta({ title: "Mount of the transit engine", examples: ["openkcm-keys"] }),
  key_name: keyName.meta({ title: "Name of the L1 key", examples: ["customer-master-key"] }),
})

/** What an administrator enters for one OpenBao keystore (story 4, step 2). */
export const keystoreConfiguration = [...authenticationRules, ...tlsRules].reduce(
  (schema, { field, error, holds }) =>
    schema.refine((given) => holds(given), {
      error,
      path: [field],
      // Also when another field is wrong: every issue is reported at once.
      when: ({ value }) => typeof value === "object" && value !== null,
    }),
  keystoreFields,
)

/** The parsed configuration of one keystore. */
export type KeystoreConfiguration = z.output<typeof keystoreConfiguration>

/** The same before there are credentials: what set-up material is written from. */
export const setupConfiguration = keystoreFields

/** Its parsed form. */
export type SetupConfiguration = z.output<typeof setupConfiguration>

/** Mount of the method of authentication: its own name where the configuration names none. */
export function authMountPath({ auth_method, auth_mount_path }: SetupConfiguration): string {
  return auth_mount_path ?? auth_method
}
