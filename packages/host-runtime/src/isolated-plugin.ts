import type {
  JsonValue,
  KeystorePluginDefinitionV1,
  KeystorePluginV1,
  PluginAuditEvent,
  PluginDefinitionV1,
  PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { connectPlugin, supervisedKeystorePlugin, type WireLogLine } from "@apeiro-cmk/plugin-sdk/go-plugin"
import { z } from "zod"

/** What a package is started with as a process of its own. */
export interface IsolatedPluginOptions {
  /** Name of the entry in the profile. */
  readonly name: string
  /** The package's executable, absolute. */
  readonly executable: string
  /** The plugin configuration with its references resolved: what the package's own parser has accepted. */
  readonly configuration: JsonValue
  /** Folder with one folder of credential files per tenant. */
  readonly credentialDirectory: string
}

const auditEvent = z.object({
  tenantId: z.string(),
  action: z.enum(["keystoreLogin", "keystoreTokenRenewal", "keystoreSessionOpen"]),
  outcome: z.enum(["success", "failure"]),
  code: z.string().optional(),
  backendRequestId: z.string().optional(),
  facts: z.record(z.string(), z.string()).optional(),
})

/**
 * Makes of a package's definition one whose plugin runs as a process: the same manifest, the same checks, another
 * `create`. The process is started by `start` and watched from then on.
 */
export function isolatedDefinition(
  definition: KeystorePluginDefinitionV1,
  options: IsolatedPluginOptions,
): PluginDefinitionV1 {
  return {
    ...definition,
    create(configuration, services): KeystorePluginV1 {
      // Made and never started: what is pure in a plugin needs no process.
      const local = definition.create(configuration, services)
      return supervisedKeystorePlugin({
        name: options.name,
        connect: () => connect(options, services),
        setupMaterial: (input) => local.setupMaterial(input),
        clock: services.clock,
        logger: services.logger,
      })
    },
  }
}

function connect({ executable, configuration, credentialDirectory }: IsolatedPluginOptions, services: PluginServices) {
  return connectPlugin({
    type: "KeystoreInstanceKeyOperation",
    serviceName: "plugin.keystore.operations.v1.KeystoreInstanceKeyOperation",
    path: process.execPath,
    args: ["--disable-warning=ExperimentalWarning", executable],
    env: { APEIRO_CMK_CREDENTIAL_DIRECTORY: credentialDirectory },
    // JSON is YAML.
    yamlConfiguration: JSON.stringify(configuration),
    onLog: (line) => passOn(line, services),
  })
}

/** The process has no way to the audit stream but its log: its events are put where they belong. */
function passOn({ level, message, fields }: WireLogLine, { logger, audit }: PluginServices): void {
  const event = message === "audit" ? auditEvent.safeParse(fields) : undefined
  if (event?.success !== true) {
    logger[level === "trace" ? "debug" : level](message, fields)
    return
  }
  const { tenantId, action, outcome, code, backendRequestId, facts } = event.data
  const recorded: PluginAuditEvent = {
    ...{ action, outcome },
    ...(code === undefined ? {} : { code }),
    ...(backendRequestId === undefined ? {} : { backendRequestId }),
    ...(facts === undefined ? {} : { facts }),
  }
  audit.record(recorded, { tenantId }).catch(() => {
    logger.error("an event of the plugin's process could not be recorded", { action, outcome })
  })
}
