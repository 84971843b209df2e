import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import type { DsmClient } from "./client.ts"
import { uuidForm } from "./config.ts"
import { dsmError, unexpectedAnswer } from "./errors.ts"
import { type DsmKey, readKey, readKeys } from "./key-object.ts"

/** The keys of one group, by name and by id. */
export interface GroupKeys {
  /** Id of the group. @throws {PluginError} KEY_NOT_FOUND - the app is in no such group */
  groupId(call: CallOptions): Promise<string>
  /** The newest version of the key that a name or an id means; `undefined` when the group has none. */
  find(nameOrId: string, call: CallOptions): Promise<DsmKey | undefined>
  /** A single version by its id; `undefined` when DSM or the group has none. */
  read(kid: string, call: CallOptions): Promise<DsmKey | undefined>
}

/** Longest series of versions that is followed. */
const mostVersions = 1_000

const groupsShape = z.array(z.object({ group_id: z.guid(), name: z.string() }))

/** Makes the {@link GroupKeys} of a group that is named by its name or its id. */
export function createGroupKeys(client: DsmClient, group: string): GroupKeys {
  let known: string | undefined

  async function lookUpGroup(call: CallOptions): Promise<string> {
    const answer = await client.request({ method: "GET", path: "/sys/v1/groups" }, call)
    if (answer.status !== 200) throw answer.status === 403 ? dsmError("denied", answer) : unexpectedAnswer(answer)
    const groups = groupsShape.safeParse(answer.json)
    if (!groups.success) throw unexpectedAnswer(answer)
    const isMeant = ({ group_id: id, name }: { group_id: string; name: string }) =>
      name === group || id.toLowerCase() === group.toLowerCase()
    const found = groups.data.find(isMeant)
    if (found === undefined) throw dsmError("groupMissing")
    return found.group_id.toLowerCase()
  }

  async function groupId(call: CallOptions): Promise<string> {
    known ??= await lookUpGroup(call)
    return known
  }

  async function findByName(name: string, call: CallOptions): Promise<DsmKey | undefined> {
    const id = await groupId(call)
    const query = new URLSearchParams({ name, group_id: id, limit: "10" })
    const answer = await client.request({ method: "GET", path: `/crypto/v1/keys?${query}` }, call)
    if (answer.status === 403) throw dsmError("denied", answer)
    const keys = answer.status === 200 ? readKeys(answer.json) : undefined
    if (keys === undefined) throw unexpectedAnswer(answer)
    return keys.find((key) => key.name === name && key.groupId === id)
  }

  async function read(kid: string, call: CallOptions): Promise<DsmKey | undefined> {
    const answer = await client.request({ method: "GET", path: `/crypto/v1/keys/${encodeURIComponent(kid)}` }, call)
    if (answer.status === 404) return undefined
    if (answer.status === 403) throw dsmError("denied", answer)
    const key = answer.status === 200 ? readKey(answer.json) : undefined
    if (key === undefined || key.kid !== kid.toLowerCase()) throw unexpectedAnswer(answer)
    return key.groupId === (await groupId(call)) ? key : undefined
  }

  async function find(nameOrId: string, call: CallOptions): Promise<DsmKey | undefined> {
    const named = await findByName(nameOrId, call)
    let key = named ?? (uuidForm.test(nameOrId) ? await read(nameOrId, call) : undefined)
    // The id, or the name since a rotation, of an older version means the key as it is now.
    const seen = new Set<string>()
    while (key?.replacement !== undefined && !seen.has(key.kid) && seen.size < mostVersions) {
      seen.add(key.kid)
      const next: DsmKey | undefined = await read(key.replacement, call)
      if (next === undefined) break
      key = next
    }
    return key
  }

  return { groupId, find, read }
}
