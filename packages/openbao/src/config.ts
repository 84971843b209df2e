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

/** What the operator sets once for all keystores of this plugin. */
export const pluginConfiguration = withRules(
  z.strictObject({
    ...egressConfiguration,
    ...proxyConfiguration,
    ...requestConfiguration,
    platform: platformConfiguration.optional().meta({
      title: "Server of the platform",
      description: "Where keystores are made for tenants that run none themselves.",
    }),
    platformCredential: platformCredential.optional(),
  }),
  [
    {
      field: "platformCredential",
      error: "goes with the platform section, and with nothing else",
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

/** What an administrator enters for one OpenBao keystore (story 4, step 2). */
export const keystoreConfiguration = withRules(keystoreFields, [...authenticationRules, ...tlsRules])

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
