import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import type { DsmClient } from "./client.ts"
import { dsmError, unexpectedAnswer } from "./errors.ts"

/** What the app may know about itself. */
export interface DsmAccount {
  /** The app's permissions in a group; `"withheld"` where DSM does not tell. */
  permissions(groupId: string, call: CallOptions): Promise<readonly string[] | "withheld">
  /** @throws {PluginError} KEY_UNSUITABLE - the app may export keys of the group */
  requireNoExport(groupId: string, call: CallOptions): Promise<void>
  /** How often the app used a key since a moment, as DSM's log has it; `"withheld"` where the app may not read it. */
  loggedUses(kid: string, sinceMs: number, call: CallOptions): Promise<number | "withheld">
}

const appShape = z.object({ groups: z.record(z.string(), z.array(z.string().max(40)).max(100)) })
const logShape = z.union([z.array(z.unknown()), z.object({ items: z.array(z.unknown()) })])

/** Makes the {@link DsmAccount} of an app. */
export function createDsmAccount(client: DsmClient, appId: string): DsmAccount {
  async function permissions(groupId: string, call: CallOptions): Promise<readonly string[] | "withheld"> {
    const path = `/sys/v1/apps/${encodeURIComponent(appId)}?group_permissions=true`
    const answer = await client.request({ method: "GET", path }, call)
    if (answer.status === 403 || answer.status === 404) return "withheld"
    if (answer.status !== 200) throw unexpectedAnswer(answer)
    // A server that does not know the parameter lists the ids of the groups alone.
    const app = appShape.safeParse(answer.json)
    if (!app.success) return "withheld"
    const found = Object.entries(app.data.groups).find(([id]) => id.toLowerCase() === groupId)
    return found?.[1] ?? []
  }

  return {
    permissions,
    async requireNoExport(groupId, call) {
      const granted = await permissions(groupId, call)
      if (granted !== "withheld" && granted.includes("EXPORT")) throw dsmError("exportPermission")
    },
    async loggedUses(kid, sinceMs, call) {
      const query = new URLSearchParams({
        ...{ action_type: "CRYPTOOPERATION", object_id: kid, actor_id: appId, size: "1000" },
        range_from: String(Math.floor(sinceMs / 1000)),
      })
      const answer = await client.request({ method: "GET", path: `/sys/v1/logs?${query}` }, call)
      if (answer.status === 403) return "withheld"
      const read = answer.status === 200 ? logShape.safeParse(answer.json) : undefined
      if (read?.success !== true) throw unexpectedAnswer(answer)
      return Array.isArray(read.data) ? read.data.length : read.data.items.length
    },
  }
}
