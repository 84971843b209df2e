import type { Plugin, Principal } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { Identity } from "../generated/apeiro/cmk/identity/v1/identity_pb.js"
import { ownMethods } from "../own-call.ts"
import type { ServeContext } from "../serve/served-kind.ts"
import { readStruct } from "../struct.ts"
import { addUnaryService } from "../wire/unary-service.ts"

const principalShape = z.object({
  subject: z.string(),
  issuer: z.string(),
  groups: z.array(z.string()),
  displayName: z.string().optional(),
})

/** @throws {PluginError} INVALID_REQUEST - it is none */
export function readPrincipal(value: unknown): Principal {
  return readStruct<Principal>(principalShape, value)
}

/** Adds the service of our own host. */
export function addIdentityService({ server, plugin, services }: ServeContext<Plugin<"identity">>): void {
  const method = ownMethods(services.clock)
  addUnaryService(server, Identity, {
    authenticate: method(({ token }, options) => plugin.current().authenticate(token, options)),
    resolveWorkload: method(({ spiffeId }, options) => plugin.current().resolveWorkload({ spiffeId }, options)),
    permissions: method(({ principal, tenantId }, options) =>
      plugin.current().permissions(readPrincipal(principal), tenantId, options),
    ),
  })
}
