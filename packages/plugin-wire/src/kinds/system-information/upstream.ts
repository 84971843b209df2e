import type { UpstreamSystemInformationV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { wireError } from "../../errors/upstream-errors.ts"
import { SystemInformationService } from "../../generated/plugin/systeminformation/v1/systeminformation_pb.js"
import { upstreamCalls, upstreamPartOf } from "../../serve/upstream-call.ts"
import { addUnaryService } from "../../wire/unary-service.ts"
import type { ServeContext } from "../kind.ts"

const callTimeoutMs = 10_000

/** Upstream requires this length of both texts. */
const shortestText = 3

/** Adds upstream's service for facts about systems. The answer about an unknown system has no metadata. */
export function addUpstreamSystemInformation({ server, plugin, clock }: ServeContext<"system-information">): string {
  const calls = upstreamCalls(clock, callTimeoutMs, wireError)
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
