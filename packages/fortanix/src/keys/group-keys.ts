import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import type { DsmClient } from "../client.ts"
import { uuidForm } from "../config.ts"
import { dsmError, unexpectedAnswer } from "../errors.ts"
import { type DsmKey, readKey, readKeys } from "./key-object.ts"

/** Longest series of versions that is followed. */
const mostVersions = 1_000

const groupsShape = z.array(z.object({ group_id: z.guid(), name: z.string() }))

/** The keys of one group, by name and by id. */
export class GroupKeys {
  readonly #client: DsmClient
  readonly #group: string
  #groupId: string | undefined

  /** @param group - name or id */
  constructor(client: DsmClient, group: string) {
    this.#client = client
    this.#group = group
  }

  /** Returns the id of the group. @throws {PluginError} KEY_NOT_FOUND - the app is not in such a group */
  async groupId(call: CallOptions): Promise<string> {
    this.#groupId ??= await this.#lookUpGroup(call)
    return this.#groupId
  }

  /** Finds the newest version of the key that a name or an id refers to; `undefined` when the group has none. */
  async find(nameOrId: string, call: CallOptions): Promise<DsmKey | undefined> {
    const named = await this.#findByName(nameOrId, call)
    let key = named ?? (uuidForm.test(nameOrId) ? await this.read(nameOrId, call) : undefined)
    // The id of an older version, or its name since a rotation, refers to the key as it is now.
    const seen = new Set<string>()
    while (key?.replacement !== undefined && !seen.has(key.kid) && seen.size < mostVersions) {
      seen.add(key.kid)
      const next: DsmKey | undefined = await this.read(key.replacement, call)
      if (next === undefined) break
      key = next
    }
    return key
  }

  /** Reads a single version by its id; `undefined` when DSM or the group has none. */
  async read(kid: string, call: CallOptions): Promise<DsmKey | undefined> {
    const path = `/crypto/v1/keys/${encodeURIComponent(kid)}`
    const answer = await this.#client.request({ method: "GET", path }, call)
    if (answer.status === 404) return undefined
    if (answer.status === 403) throw dsmError("denied", answer)
    const key = answer.status === 200 ? readKey(answer.json) : undefined
    if (key === undefined || key.kid !== kid.toLowerCase()) throw unexpectedAnswer(answer)
    return key.groupId === (await this.groupId(call)) ? key : undefined
  }

  async #lookUpGroup(call: CallOptions): Promise<string> {
    const answer = await this.#client.request({ method: "GET", path: "/sys/v1/groups" }, call)
    if (answer.status !== 200) throw answer.status === 403 ? dsmError("denied", answer) : unexpectedAnswer(answer)
    const groups = groupsShape.safeParse(answer.json)
    if (!groups.success) throw unexpectedAnswer(answer)
    const wanted = this.#group
    const found = groups.data.find(
      ({ group_id: id, name }) => name === wanted || id.toLowerCase() === wanted.toLowerCase(),
    )
    if (found === undefined) throw dsmError("groupMissing")
    return found.group_id.toLowerCase()
  }

  async #findByName(name: string, call: CallOptions): Promise<DsmKey | undefined> {
    const id = await this.groupId(call)
    const query = new URLSearchParams({ name, group_id: id, limit: "10" })
    const answer = await this.#client.request({ method: "GET", path: `/crypto/v1/keys?${query}` }, call)
    if (answer.status === 403) throw dsmError("denied", answer)
    const keys = answer.status === 200 ? readKeys(answer.json) : undefined
    if (keys === undefined) throw unexpectedAnswer(answer)
    return keys.find((key) => key.name === name && key.groupId === id)
  }
}
