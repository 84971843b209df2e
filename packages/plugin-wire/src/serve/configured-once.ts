import type { PluginKind } from "@apeiro-cmk/plugin-interface"
import { ConfiguredOnce } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import type { ServeContext } from "../kinds/kind.ts"
import { methodDefinitions } from "../wire/method-definition.ts"
import { unaryImplementation } from "../wire/unary-service.ts"
import { connectionTestHandler } from "./connection-test.ts"
import { ownMethods } from "./own-call.ts"

/** Adds the connection test and the setup material of a plugin that is configured once. */
export function addConfiguredOnce<Kind extends Exclude<PluginKind, "keystore">>({
  server,
  plugin,
  clock,
}: ServeContext<Kind>): void {
  const unary = unaryImplementation(ConfiguredOnce, {
    setupMaterial: ownMethods(clock)((_request, options) => plugin.current().setupMaterial(options)),
  })
  const testConnection = connectionTestHandler(clock, (_first, options) => plugin.current().testConnection(options))
  server.addService(methodDefinitions(ConfiguredOnce), { ...unary, testConnection })
}
