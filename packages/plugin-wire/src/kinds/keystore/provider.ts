import type { UpstreamKeystoreProviderV1, UpstreamManagementAccess } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { wireError } from "../../errors/upstream-errors.ts"
import { KeystoreProvider, TrustType } from "../../generated/plugin/keystore/management/v1/management_pb.js"
import { stateless } from "../../serve/served-services.ts"
import { upstreamCalls, upstreamPartOf } from "../../serve/upstream-call.ts"
import { toStruct } from "../../wire/struct.ts"
import { addUnaryService } from "../../wire/unary-service.ts"
import type { ServeContext, ServedServices } from "../kind.ts"

/** A keystore with all that belongs to it takes its time. */
const callTimeoutMs = 60_000

/** Member in which the host writes the regions of its keystore pool into the configuration of a provider. */
const supportedRegionsMember = "supportedregions"

const regionsShape = z.object({
  value: z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      context.addIssue({ code: "custom", message: "is not JSON" })
      return z.NEVER
    }
  }),
})
const regionListShape = z.object({ regions: z.array(z.object({ name: z.string(), technicalName: z.string() })) })

/** Serves the part of a keystore plugin that creates keystores for the upstream host. */
export function serveProvider({ server, plugin, clock }: ServeContext<"keystore">): ServedServices {
  const calls = upstreamCalls(clock, callTimeoutMs, wireError)
  const upstream = (): UpstreamKeystoreProviderV1 => {
    const { provider } = plugin.current()
    if (provider !== undefined) return upstreamPartOf(provider)
    const next = "Configure the server of the platform on which the plugin creates keystores."
    throw pluginError("UNSUPPORTED", "This plugin creates no keystores with its present configuration.", next)
  }

  const serviceName = addUnaryService(server, KeystoreProvider, {
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
        if (type === TrustType.UNSPECIFIED) throw refused("The request does not name the type of the trust.")
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
  return stateless(serviceName)
}

function managementConfig({ localityId, commonName, accessData }: UpstreamManagementAccess) {
  // The host would ask its issuer for a certificate without a name, and keep the keystore that it cannot reach.
  if (commonName === "") {
    throw pluginError("BAD_RESPONSE", "The plugin returned an empty common name.", "Report it to the plugin's author.")
  }
  return { localityId, commonName, accessData: { values: toStruct(accessData) } }
}

/** Reads the regions; there are none where the host writes none. */
function regionsOf(member: unknown) {
  if (member === undefined) return []
  const outer = regionsShape.safeParse(member)
  const inner = regionListShape.safeParse(outer.data?.value)
  if (!inner.success) throw refused(`${supportedRegionsMember} does not have the shape that the upstream host writes.`)
  return inner.data.regions
}

function refused(message: string) {
  return pluginError("INVALID_REQUEST", message, "Send the request again with what is missing.")
}
