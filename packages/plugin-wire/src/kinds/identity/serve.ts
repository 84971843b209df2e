import { Identity } from "../../generated/apeiro/cmk/identity/v1/identity_pb.js"
import { addConfiguredOnce } from "../../serve/configured-once.ts"
import { ownMethods } from "../../serve/own-call.ts"
import { stateless } from "../../serve/served-services.ts"
import { readStruct } from "../../wire/struct.ts"
import { addUnaryService } from "../../wire/unary-service.ts"
import type { ServeContext, ServedServices } from "../kind.ts"
import { principalShape } from "./shapes.ts"
import { addUpstreamIdentity } from "./upstream.ts"

/** Serves an identity plugin to our own host and to upstream's. */
export function serveIdentity(context: ServeContext<"identity">): ServedServices {
  const { server, plugin, clock } = context
  const method = ownMethods(clock)
  addUnaryService(server, Identity, {
    authenticate: method(({ token }, options) => plugin.current().authenticate(token, options)),
    resolveWorkload: method(({ spiffeId }, options) => plugin.current().resolveWorkload({ spiffeId }, options)),
    permissions: method(({ principal, tenantId }, options) =>
      plugin.current().permissions(readStruct(principalShape, principal), tenantId, options),
    ),
  })
  addConfiguredOnce(context)
  return stateless(addUpstreamIdentity(context))
}
