import type {
  JsonValue,
  KeystorePluginV1,
  UpstreamKeystoreProviderV1,
  UpstreamManagementAccess,
} from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { pluginError } from "../../error-facts.ts"
import { wireError } from "../errors/upstream-errors.ts"
import { KeystoreProvider, TrustType } from "../generated/plugin/keystore/management/v1/management_pb.js"
import type { ServeContext } from "../serve/served-kind.ts"
import { toStruct } from "../struct.ts"
import { upstreamCalls, upstreamPartOf } from "../upstream-call.ts"
import { addUnaryService } from "../wire/unary-service.ts"

/** A keystore with all that belongs to it takes its time. */
const callTimeoutMs = 60_000

/** What the host writes into the configuration of a provider: the regions of its keystore pool. */
const supportedRegionsMember = "supportedregions"

const regionsShape = z.object({
  value: z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      context.addIssue({ code: "custom", message: "is no JSON" })
      return z.NEVER
    }
  }),
})
const regionListShape = z.object({ regions: z.array(z.object({ name: z.string(), technicalName: z.string() })) })

/** Adds upstream's service for making keystores. */
export function addUpstreamKeystoreProvider({ server, plugin, services }: ServeContext<KeystorePluginV1>): string {
  const calls = upstreamCalls(services.clock, callTimeoutMs, wireError)
  const upstream = (): UpstreamKeystoreProviderV1 => {
    const { provider } = plugin.current()
    if (provider !== undefined) return upstreamPartOf(provider)
    const next = "Configure the server of the platform on which it is to make them."
    throw pluginError("UNSUPPORTED", "This plugin makes no keystores as it is configured.", next)
  }

  return addUnaryService(server, KeystoreProvider, {
    createKeystore: (_request, call) =>
      calls(call, async (options) => {
        const { roleManagement, keyManagement } = await upstream().createKeystore(options)
        return {
          roleManagementConfig: managementConfig(roleManagement),
          keyManagementConfig: managementConfig(keyManagement),
          supportedRegions: regionsOf(plugin.hostMember(supportedRegionsMember)),
        }
      }),
    deleteKeystore: ({ config }, call) =>
      calls(call, async (options) => {
        await upstream().deleteKeystore(config?.values ?? {}, options)
        return {}
      }),
    grantTrust: ({ config, subject, region, type }, call) =>
      calls(call, async (options) => {
        if (subject === "") throw refused("The subject is empty.")
        if (type === TrustType.UNSPECIFIED) throw refused("The type of the trust is not said.")
        const kind = type === TrustType.CRYPTO ? "crypto" : "management"
        const request = { subject, region, type: kind, values: config?.values ?? {} } as const
        return { accessData: toStruct(await upstream().grantTrust(request, options)) }
      }),
    removeTrust: ({ config, accessData = {} }, call) =>
      calls(call, async (options) => {
        await upstream().removeTrust(config?.values ?? {}, accessData, options)
        return {}
      }),
  })
}

function managementConfig({ localityId, commonName, accessData }: UpstreamManagementAccess) {
  // The host would ask its issuer for a certificate without a name, and keep the keystore that it cannot reach.
  if (commonName === "") {
    throw pluginError("BAD_RESPONSE", "The plugin gave an empty common name.", "Report it to the plugin's author.")
  }
  return { localityId, commonName, accessData: { values: toStruct(accessData) } }
}

/** Nothing where the host says nothing of the kind. */
function regionsOf(member: JsonValue | undefined) {
  if (member === undefined) return []
  const outer = regionsShape.safeParse(member)
  const inner = regionListShape.safeParse(outer.data?.value)
  if (!inner.success) throw refused(`${supportedRegionsMember} is not what the upstream host writes there.`)
  return inner.data.regions
}

function refused(message: string) {
  return pluginError("INVALID_REQUEST", message, "Ask again with a request that says it.")
}
