import type { Plugin, UpstreamSystemInformationV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "../../error-facts.ts"
import { wireError } from "../errors/upstream-errors.ts"
import { SystemInformationService } from "../generated/plugin/systeminformation/v1/systeminformation_pb.js"
import type { ServeContext } from "../serve/served-kind.ts"
import { upstreamCalls, upstreamPartOf } from "../upstream-call.ts"
import { addUnaryService } from "../wire/unary-service.ts"

const callTimeoutMs = 10_000

/** Upstream's rule for both texts. */
const shortestText = 3

/** Adds upstream's service for facts about systems; nothing known is an answer without metadata. */
export function addUpstreamSystemInformation({
  server,
  plugin,
  services,
}: ServeContext<Plugin<"system-information">>): string {
  const calls = upstreamCalls(services.clock, callTimeoutMs, wireError)
  const upstream = (): UpstreamSystemInformationV1 => upstreamPartOf(plugin.current())

  return addUnaryService(server, SystemInformationService, {
    get: ({ id, type }, call) =>
      calls(call, async (options) => {
        if (id.length < shortestText || type.length < shortestText) {
          const message = `id and type must have at least ${shortestText} characters.`
          throw pluginError("INVALID_REQUEST", message, "Ask for a system by its whole identifier.")
        }
        const metadata = await upstream().get({ id, type }, options)
        return metadata === undefined ? {} : { metadata: { ...metadata } }
      }),
  })
}
