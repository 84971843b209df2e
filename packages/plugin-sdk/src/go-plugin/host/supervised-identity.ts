import type { Plugin } from "@apeiro-cmk/plugin-interface"
import { Identity } from "../generated/apeiro/cmk/identity/v1/identity_pb.js"
import { toStruct } from "../struct.ts"
import { remoteAnswers } from "./remote-answers.ts"
import { askedOf } from "./remote-call.ts"
import type { Supervisor } from "./supervisor.ts"

const method = Identity.method

/** An identity plugin in another process, as if it were in this one. */
export function supervisedIdentityPlugin(supervisor: Supervisor): Plugin<"identity"> {
  const ask = askedOf(supervisor)
  return {
    start: (signal) => supervisor.start(signal),
    stop: () => supervisor.stop(),
    authenticate: async (token, call) =>
      remoteAnswers.principal(await ask(method.authenticate, call, (caller) => ({ caller, token }))),
    resolveWorkload: async ({ spiffeId }, call) =>
      remoteAnswers.workload(await ask(method.resolveWorkload, call, (caller) => ({ caller, spiffeId }))),
    permissions: async (principal, tenantId, call) =>
      remoteAnswers.permissions(
        await ask(method.permissions, call, (caller) => ({ caller, principal: toStruct(principal), tenantId })),
      ),
  }
}
