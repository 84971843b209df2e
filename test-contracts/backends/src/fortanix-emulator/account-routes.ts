import { queryLog } from "./audit-log.ts"
import { forbidden, notFound } from "./dsm-error.ts"
import { dsmTime } from "./key-object.ts"
import type { DsmRequest, Routes } from "./route.ts"

const userOfAccount = "00000000-0000-0000-0000-000000000001"

/** Routes by which an app reads about its account: itself, its groups, and the log entries that concern it. */
export const accountRoutes: Routes = {
  "GET /sys/v1/apps": (request) => [appDocument(request)],
  "GET /sys/v1/apps/{id}": (request) => {
    if (request.parameters[0] !== request.app.id) throw forbidden("An app can only see itself")
    return appDocument(request)
  },
  "GET /sys/v1/groups": (request) => ownGroups(request).map((group) => groupDocument(request, group)),
  "GET /sys/v1/groups/{id}": (request) => {
    const group = ownGroups(request).find(({ id }) => id === request.parameters[0])
    if (group === undefined) throw notFound("Group does not exist")
    return groupDocument(request, group)
  },
  "GET /sys/v1/logs": ({ account, app, query }) => {
    const seen = account.log.filter(({ groupIds }) => groupIds.some((id) => app.groups.has(id)))
    return { items: queryLog(seen, query, account.id) }
  },
}

function appDocument({ account, app, query }: DsmRequest) {
  const groups = query.get("group_permissions") === "true" ? Object.fromEntries(app.groups) : [...app.groups.keys()]
  return {
    ...{
      app_id: app.id,
      name: app.name,
      acct_id: account.id,
      auth_type: authType(app),
      enabled: app.enabled,
      groups,
    },
    ...{ default_group: app.defaultGroup, created_at: dsmTime(app.createdAtMs), creator: { user: userOfAccount } },
    ...{ interface: "", app_type: "default", description: "" },
  }
}

function ownGroups({ account, app }: DsmRequest) {
  return [...account.groups.values()].filter(({ id }) => app.groups.has(id))
}

function groupDocument({ account }: DsmRequest, group: ReturnType<typeof ownGroups>[number]) {
  return {
    group_id: group.id,
    name: group.name,
    acct_id: account.id,
    description: "",
    creator: { user: userOfAccount },
    created_at: dsmTime(group.createdAtMs),
    approval_policy: group.approvals === "none" ? undefined : { quorum: { n: 1, members: [{ user: userOfAccount }] } },
  }
}

function authType({ credential }: DsmRequest["app"]): string {
  return { secret: "Secret", certificate: "Certificate", signedJwt: "SignedJwt" }[credential.kind]
}
