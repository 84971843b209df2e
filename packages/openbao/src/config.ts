import {
  egressConfiguration,
  has,
  proxyConfiguration,
  proxyRule,
  requestConfiguration,
  tlsRules,
  withRules,
} from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { authenticationFields, authenticationRules } from "./configuration/authentication.ts"
import { connectionFields } from "./configuration/connection.ts"
import { keyName, serverPath } from "./configuration/text.ts"
import { platformConfiguration, platformCredential } from "./provider/platform-configuration.ts"

/** Configuration of the plugin: set once by the operator, for all keystores. */
export const pluginConfiguration = withRules(
  z.strictObject({
    ...egressConfiguration,
    ...proxyConfiguration,
    ...requestConfiguration,
    platform: platformConfiguration.optional().meta({
      title: "Server of the platform",
      description: "Server on which the plugin creates keystores for tenants that do not run their own.",
    }),
    platformCredential: platformCredential.optional(),
  }),
  [
    {
      field: "platformCredential",
      error: "must be given together with the platform section",
      holds: (given) => has(given, "platform") === has(given, "platformCredential"),
    },
    proxyRule,
  ],
)

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

/** Configuration of one OpenBao keystore: entered by a tenant's administrator (story 4, step 2). */
export const keystoreConfiguration = withRules(keystoreFields, [...authenticationRules, ...tlsRules])

/** The parsed configuration of one keystore. */
export type KeystoreConfiguration = z.output<typeof keystoreConfiguration>

/** The same configuration before credentials exist: the input of the set-up material. */
export const setupConfiguration = keystoreFields

/** The parsed configuration for the set-up material. */
export type SetupConfiguration = z.output<typeof setupConfiguration>

/** Returns the mount of the auth method. Default: the name of the method. */
export function authMountPath({ auth_method, auth_mount_path }: SetupConfiguration): string {
  return auth_mount_path ?? auth_method
}
