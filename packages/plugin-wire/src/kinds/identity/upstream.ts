import type { UpstreamIdentityV1 } from "@apeiro-cmk/plugin-interface"
import { status } from "@grpc/grpc-js"
import { wireError } from "../../errors/upstream-errors.ts"
import { IdentityManagementService } from "../../generated/plugin/identity_management/v1/identity_management_pb.js"
import { upstreamCalls, upstreamPartOf } from "../../serve/upstream-call.ts"
import { addUnaryService } from "../../wire/unary-service.ts"
import { WireError } from "../../wire/wire-error.ts"
import type { ServeContext } from "../kind.ts"

const callTimeoutMs = 10_000

/**
 * Adds upstream's service for users and groups. To the host NOT_FOUND means that there is none, and every other error is a
 * failure.
 */
export function addUpstreamIdentity({ server, plugin, clock }: ServeContext<"identity">): string {
  const calls = upstreamCalls(clock, callTimeoutMs, wireError)
  const upstream = (): UpstreamIdentityV1 => upstreamPartOf(plugin.current())
  const contextOf = ({
    authContext,
  }: {
    readonly authContext?: { readonly data: Record<string, string> } | undefined
  }) => authContext?.data ?? {}

  return addUnaryService(server, IdentityManagementService, {
    getUser: (request, call) =>
      calls(call, async (options) => {
        const user = await upstream().getUser(request.userId, contextOf(request), options)
        if (user === undefined) throw new WireError(status.NOT_FOUND, "user not found")
        return { user: { ...user } }
      }),
    getGroup: (request, call) =>
      calls(call, async (options) => {
        const group = await upstream().getGroup(request.groupName, contextOf(request), options)
        if (group === undefined) throw new WireError(status.NOT_FOUND, "group does not exist")
        return { group: { ...group } }
      }),
    getAllGroups: (request, call) =>
      calls(call, async (options) => ({
        groups: copies(await upstream().getAllGroups(contextOf(request), options)),
      })),
    getUsersForGroup: (request, call) =>
      calls(call, async (options) => ({
        users: copies(await upstream().getUsersForGroup(request.groupId, contextOf(request), options)),
      })),
    getGroupsForUser: (request, call) =>
      calls(call, async (options) => ({
        groups: copies(await upstream().getGroupsForUser(request.userId, contextOf(request), options)),
      })),
  })
}

function copies<T extends object>(items: readonly T[]): T[] {
  return items.map((item) => ({ ...item }))
}
