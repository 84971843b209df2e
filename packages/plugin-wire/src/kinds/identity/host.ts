import type { Plugin } from "@apeiro-cmk/plugin-interface"
import { Identity } from "../../generated/apeiro/cmk/identity/v1/identity_pb.js"
import { readAnswer } from "../../host/read-answer.ts"
import { askedOf } from "../../host/remote-call.ts"
import { remoteConfiguredOnce } from "../../host/remote-configured-once.ts"
import type { Supervisor } from "../../host/supervisor.ts"
import { toStruct } from "../../wire/struct.ts"
import { permissionsShape, principalShape, workloadShape } from "./shapes.ts"

const method = Identity.method

/** Makes an identity plugin in another process look like one in this process. */
export function remoteIdentity(supervisor: Supervisor): Plugin<"identity"> {
  const ask = askedOf(supervisor)
  return {
    ...remoteConfiguredOnce(supervisor),
    authenticate: async (token, call) =>
      readAnswer(principalShape, await ask(method.authenticate, call, (caller) => ({ caller, token }))),
    resolveWorkload: async ({ spiffeId }, call) =>
      readAnswer(workloadShape, await ask(method.resolveWorkload, call, (caller) => ({ caller, spiffeId }))),
    permissions: async (principal, tenantId, call) =>
      readAnswer(
        permissionsShape,
        await ask(method.permissions, call, (caller) => ({ caller, principal: toStruct(principal), tenantId })),
      ),
  }
}
