import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import type { DsmClient } from "./client.ts"
import { dsmError, unexpectedAnswer } from "./errors.ts"

const appShape = z.object({ groups: z.record(z.string(), z.array(z.string().max(40)).max(100)) })
const logShape = z.union([z.array(z.unknown()), z.object({ items: z.array(z.unknown()) })])

/** The facts that DSM shows an app about itself. */
export class DsmAccount {
  readonly #client: DsmClient
  readonly #appId: string

  constructor(client: DsmClient, appId: string) {
    this.#client = client
    this.#appId = appId
  }

  /** Returns the app's permissions in a group; `"withheld"` where DSM does not show them. */
  async permissions(groupId: string, call: CallOptions): Promise<readonly string[] | "withheld"> {
    const path = `/sys/v1/apps/${encodeURIComponent(this.#appId)}?group_permissions=true`
    const answer = await this.#client.request({ method: "GET", path }, call)
    if (answer.status === 403 || answer.status === 404) return "withheld"
    if (answer.status !== 200) throw unexpectedAnswer(answer)
    // A server that does not know the parameter lists only the ids of the groups.
    const app = appShape.safeParse(answer.json)
    if (!app.success) return "withheld"
    const found = Object.entries(app.data.groups).find(([id]) => id.toLowerCase() === groupId)
    return found?.[1] ?? []
  }

  /** @throws {PluginError} KEY_UNSUITABLE - the app may export keys of the group */
  async requireNoExport(groupId: string, call: CallOptions): Promise<void> {
    const granted = await this.permissions(groupId, call)
    if (granted !== "withheld" && granted.includes("EXPORT")) throw dsmError("exportPermission")
  }

  /** Returns how often DSM's log shows the app using a key since a moment; `"withheld"` if the app may not read it. */
  async loggedUses(kid: string, sinceMs: number, call: CallOptions): Promise<number | "withheld"> {
    const query = new URLSearchParams({
      ...{ action_type: "CRYPTOOPERATION", object_id: kid, actor_id: this.#appId, size: "1000" },
      range_from: String(Math.floor(sinceMs / 1000)),
    })
    const answer = await this.#client.request({ method: "GET", path: `/sys/v1/logs?${query}` }, call)
    if (answer.status === 403) return "withheld"
    const read = answer.status === 200 ? logShape.safeParse(answer.json) : undefined
    if (read?.success !== true) throw unexpectedAnswer(answer)
    return Array.isArray(read.data) ? read.data.length : read.data.items.length
  }
}
