import { randomUUID } from "node:crypto"
import * as z from "zod"
import { badRequest, forbidden } from "./dsm-error.ts"
import { type DsmKey, type DsmKeyState, defaultKeyOperations, dsmTime, keyDocument, newKey } from "./key-object.ts"
import { blob, bodyOf, type DsmRequest, descriptor, type Routes } from "./route.ts"

const wishShape = z.object({
  name: z.string().min(1).max(4096).nullish(),
  description: z.string().nullish(),
  obj_type: z.string().nullish(),
  key_size: z.int().nullish(),
  key_ops: z.array(z.string()).nullish(),
  group_id: z.guid().nullish(),
  enabled: z.boolean().nullish(),
  state: z.enum(["PreActive", "Active"]).nullish(),
  custom_metadata: z.record(z.string(), z.string()).nullish(),
  transient: z.boolean().nullish(),
  value: blob.nullish(),
})
type Wish = z.output<typeof wishShape>

const revocationShape = z.object({ code: z.string(), message: z.string().nullish() })
const rekeyShape = wishShape.extend({ deactivate_rotated_key: z.boolean().nullish() })

/** Routes for the life cycle of keys. All need the permission MANAGE in the key's group. */
export const keyRoutes: Routes = {
  "GET /crypto/v1/keys": list,
  "POST /crypto/v1/keys": generate,
  "PUT /crypto/v1/keys": importKey,
  "POST /crypto/v1/keys/info": (request) => {
    const key = request.account.describedKeyFor(request.app, bodyOf(descriptor, request.body))
    return shown(request, key)
  },
  "POST /crypto/v1/keys/rekey": rekey,
  "POST /crypto/v1/keys/export": (request) => {
    const key = request.account.describedKeyFor(request.app, bodyOf(descriptor, request.body))
    return exported(request, key)
  },
  "GET /crypto/v1/keys/{id}": (request) => shown(request, byId(request)),
  "GET /crypto/v1/keys/{id}/export": (request) => exported(request, byId(request)),
  "PATCH /crypto/v1/keys/{id}": update,
  "DELETE /crypto/v1/keys/{id}": (request) => {
    const key = changeable(request)
    if (!["PreActive", "Destroyed"].includes(key.state) && key.keyOps.includes("APPMANAGEABLE") === false) {
      throw forbidden("Security object cannot be managed by an app")
    }
    key.state = "Deleted"
    key.material.fill(0)
  },
  "POST /crypto/v1/keys/{id}/activate": (request) => {
    const key = changeable(request)
    requireState(key, ["PreActive"])
    key.state = "Active"
    key.activationMs = request.account.nowMs()
  },
  "POST /crypto/v1/keys/{id}/revoke": (request) => {
    const { code } = bodyOf(revocationShape, request.body)
    const key = changeable(request)
    requireState(key, ["PreActive", "Active", "Deactivated"])
    key.state = code === "KeyCompromise" || code === "CACompromise" ? "Compromised" : "Deactivated"
    key.deactivationMs = request.account.nowMs()
  },
  "POST /crypto/v1/keys/{id}/destroy": (request) => {
    const key = changeable(request)
    requireState(key, ["PreActive", "Deactivated", "Compromised"])
    key.state = "Destroyed"
    key.material.fill(0)
    key.material = Buffer.alloc(0)
  },
}

const shownByDefault = ["PreActive", "Active", "Deactivated", "Compromised"]

function list({ account, app, query }: DsmRequest) {
  const wanted = (name: string, value: string | undefined) => !query.has(name) || query.get(name) === value
  const states = [
    ...shownByDefault,
    ...(query.get("show_destroyed") === "true" ? ["Destroyed"] : []),
    ...(query.get("show_deleted") === "true" ? ["Deleted"] : []),
  ]
  const { by, sign } = orderOf(query.get("sort"))
  const compare = (left: string, right: string) => sign * (left < right ? -1 : left > right ? 1 : 0)
  const start = query.get("start")
  const offset = Number(query.get("offset") ?? 0)
  const limit = Number(query.get("limit") ?? 100)
  return [...account.keys.values()]
    .filter((key) => app.groups.has(key.groupId) && !key.isTransient && states.includes(key.state))
    .filter((key) => wanted("name", key.name) && wanted("group_id", key.groupId) && wanted("creator", key.creatorApp))
    .toSorted((left, right) => compare(by(left), by(right)))
    .filter((key) => start === null || compare(by(key), start) > 0)
    .slice(offset, offset + limit)
    .map((key) => keyDocument(key, account.id))
}

/** `kid` or `name`, with `:asc` or `:desc`; by `kid:asc` when nothing is asked for. */
function orderOf(sort: string | null): { readonly by: (key: DsmKey) => string; readonly sign: 1 | -1 } {
  const [property = "kid", direction = "asc"] = sort?.split(":") ?? []
  if (!["kid", "name"].includes(property) || !["asc", "desc"].includes(direction)) {
    throw badRequest("sort must be kid or name, with :asc or :desc")
  }
  const by = ({ kid, name = "" }: DsmKey) => (property === "kid" ? kid : name)
  return { by, sign: direction === "asc" ? 1 : -1 }
}

function generate(request: DsmRequest) {
  const wish = bodyOf(wishShape, request.body)
  if (wish.obj_type !== "AES") throw badRequest("The emulator only makes AES keys")
  if (![128, 192, 256].includes(wish.key_size ?? 0)) throw badRequest("key_size must be 128, 192 or 256")
  return make(request, wish)
}

function importKey(request: DsmRequest) {
  const wish = bodyOf(wishShape, request.body)
  if (wish.value === undefined || wish.value === null) throw badRequest("value is needed")
  return make(request, { ...wish, key_ops: wish.key_ops ?? [...defaultKeyOperations, "EXPORT"] }, wish.value)
}

function make(request: DsmRequest, wish: Wish, material?: Buffer) {
  const { account, app, isApproved } = request
  const groupId = wish.group_id ?? app.defaultGroup
  if (groupId === undefined) throw badRequest("group_id is needed: the app has no default group")
  account.requirePermission(app, groupId, "MANAGE")
  account.requireFreeName(wish.name ?? undefined)
  account.requireApproval(groupId, "change", isApproved)
  const key = newKey({
    ...{ kid: randomUUID(), nowMs: account.nowMs(), groupId, material, creatorApp: app.id },
    ...{ name: wish.name ?? undefined, description: wish.description ?? undefined },
    ...{ objType: wish.obj_type ?? undefined, keySize: wish.key_size ?? undefined, keyOps: wish.key_ops ?? undefined },
    ...{ enabled: wish.enabled ?? undefined, state: wish.state ?? undefined, isTransient: wish.transient ?? undefined },
    customMetadata: wish.custom_metadata ?? undefined,
  })
  account.keys.set(key.kid, key)
  recordChange(request, key, material === undefined ? "created" : "imported")
  return keyDocument(key, account.id)
}

/** Renames the key and creates a new one under its name; the two refer to each other in `links`. */
function rekey(request: DsmRequest) {
  const { account, app } = request
  const wish = bodyOf(rekeyShape, request.body)
  const before = account.describedKeyFor(app, { name: wish.name ?? "" })
  requireManageable(request, before)
  requireState(before, ["Active", "PreActive", "Deactivated"])
  const { name = "" } = before
  before.name = `${name} (rotated at ${dsmTime(account.nowMs())} ${before.kid.slice(0, 8)})`
  const key = newKey({
    ...{ kid: randomUUID(), nowMs: account.nowMs(), groupId: before.groupId, name, creatorApp: app.id },
    ...{ objType: before.objType, keySize: wish.key_size ?? before.keySize, keyOps: wish.key_ops ?? before.keyOps },
    ...{ enabled: wish.enabled ?? true, state: wish.state ?? undefined, customMetadata: before.customMetadata },
    description: wish.description ?? before.description,
  })
  key.links.replaced = before.kid
  before.links.replacement = key.kid
  if (wish.deactivate_rotated_key === true) {
    before.state = "Deactivated"
    before.deactivationMs = account.nowMs()
  }
  account.keys.set(key.kid, key)
  recordChange(request, key, "rotated")
  return keyDocument(key, account.id)
}

function update(request: DsmRequest) {
  const wish = bodyOf(wishShape, request.body)
  const key = changeable(request)
  if (typeof wish.name === "string" && wish.name !== key.name) {
    request.account.requireFreeName(wish.name)
    key.name = wish.name
  }
  key.enabled = wish.enabled ?? key.enabled
  key.description = wish.description ?? key.description
  key.customMetadata = wish.custom_metadata ?? key.customMetadata
  if (Array.isArray(wish.key_ops)) {
    key.keyOps = wish.key_ops
    key.neverExportable &&= !wish.key_ops.includes("EXPORT")
  }
  recordChange(request, key, "updated")
  return keyDocument(key, request.account.id)
}

function exported(request: DsmRequest, key: DsmKey) {
  const { account, app, isApproved } = request
  account.requirePermission(app, key.groupId, "EXPORT")
  if (!key.keyOps.includes("EXPORT")) throw forbidden("Key operation EXPORT is not allowed")
  account.requireApproval(key.groupId, "use", isApproved)
  return { ...keyDocument(key, account.id), value: key.material.toString("base64") }
}

function shown({ account }: DsmRequest, key: DsmKey) {
  return keyDocument(key, account.id)
}

function byId({ account, app, parameters: [kid = ""] }: DsmRequest): DsmKey {
  return account.keyFor(app, kid)
}

function changeable(request: DsmRequest): DsmKey {
  const key = byId(request)
  requireManageable(request, key)
  return key
}

function requireManageable(request: DsmRequest, key: DsmKey): void {
  const { account, app, isApproved } = request
  account.requirePermission(app, key.groupId, "MANAGE")
  if (!key.keyOps.includes("APPMANAGEABLE")) throw forbidden("Security object is not manageable by apps")
  account.requireApproval(key.groupId, "change", isApproved)
}

function requireState({ state }: DsmKey, allowed: readonly DsmKeyState[]): void {
  if (!allowed.includes(state)) throw badRequest(`Not possible in state ${state}`)
}

function recordChange({ account, app }: DsmRequest, key: DsmKey, what: string): void {
  account.record({
    ...{ actionType: "ADMINISTRATIVE", severity: "INFO", message: `Key "${key.name}" ${what} by app "${app.name}"` },
    ...{ actorId: app.id, objectId: key.kid, groupIds: [key.groupId] },
  })
}
