import { randomUUID } from "node:crypto"
import * as z from "zod"
import { type ModeParameters, openAes, sealAes } from "./aes.ts"
import type { AppPermission } from "./app.ts"
import { badRequest, DsmError, forbidden } from "./dsm-error.ts"
import { type DsmKey, keyDocument, newKey } from "./key-object.ts"
import { blob, bodyOf, type DsmRequest, descriptor, type Routes } from "./route.ts"

const modeFields = {
  alg: z.string(),
  mode: z.string().nullish(),
  iv: blob.nullish(),
  ad: blob.nullish(),
}
const encryptShape = z.object({ ...modeFields, plain: blob, tag_len: z.int().nullish() })
const decryptShape = z.object({ ...modeFields, cipher: blob, tag: blob.nullish() })
const wrapShape = z.object({ ...modeFields, tag_len: z.int().nullish() })
const unwrapShape = z.object({
  ...modeFields,
  tag: blob.nullish(),
  obj_type: z.string(),
  wrapped_key: blob,
  name: z.string().nullish(),
  group_id: z.guid().nullish(),
  key_ops: z.array(z.string()).nullish(),
  transient: z.boolean().nullish(),
})
const deriveShape = z.object({
  name: z.string().nullish(),
  group_id: z.guid().nullish(),
  key_size: z.int().positive().multipleOf(8),
  key_type: z.string(),
  key_ops: z.array(z.string()).nullish(),
  mechanism: z.object({ encrypt_data: encryptShape }),
})
const batchShape = z.array(z.object({ kid: z.guid(), request: z.unknown() })).max(1000)

/** Operations with keys. The permitted states follow NIST SP 800-57: a deactivated key only decrypts. */
export const cryptoRoutes: Routes = {
  "POST /crypto/v1/keys/{id}/encrypt": (request) => encrypt(request, byId(request)),
  "POST /crypto/v1/encrypt": (request) => encrypt(request, byDescriptor(request, "key")),
  "POST /crypto/v1/keys/{id}/decrypt": (request) => decrypt(request, byId(request)),
  "POST /crypto/v1/decrypt": (request) => decrypt(request, byDescriptor(request, "key")),
  "POST /crypto/v1/keys/{id}/wrapkey": (request) => wrap(request, byId(request), subjectById(request)),
  "POST /crypto/v1/wrapkey": (request) => wrap(request, byDescriptor(request, "key"), byDescriptor(request, "subject")),
  "POST /crypto/v1/keys/{id}/unwrapkey": (request) => unwrap(request, byId(request)),
  "POST /crypto/v1/unwrapkey": (request) => unwrap(request, byDescriptor(request, "key")),
  "POST /crypto/v1/keys/{id}/derive": (request) => derive(request, byId(request)),
  "POST /crypto/v1/derive": (request) => derive(request, byDescriptor(request, "key")),
  "POST /crypto/v1/keys/batch/encrypt": (request) => batch(request, encrypt),
  "POST /crypto/v1/keys/batch/decrypt": (request) => batch(request, decrypt),
}

function encrypt(request: DsmRequest, key: DsmKey) {
  const { plain, tag_len, ...rest } = bodyOf(encryptShape, request.body)
  use(request, key, "ENCRYPT")
  const { cipher, iv, tag } = sealAes(key.material, plain, modeOf(request, key, rest, { tagLength: tag_len }))
  return { kid: key.kid, cipher: base64(cipher), iv: base64(iv), tag: base64(tag) }
}

function decrypt(request: DsmRequest, key: DsmKey) {
  const { cipher, tag, ...rest } = bodyOf(decryptShape, request.body)
  use(request, key, "DECRYPT")
  const plain = openAes(key.material, cipher, modeOf(request, key, rest, { tag: tag ?? undefined }))
  return { kid: key.kid, plain: base64(plain) }
}

function wrap(request: DsmRequest, key: DsmKey, subject: DsmKey) {
  const { tag_len, ...rest } = bodyOf(wrapShape, request.body)
  use(request, key, "WRAPKEY")
  if (!subject.keyOps.includes("EXPORT")) throw forbidden("The wrapped security object is not exportable")
  const { cipher, iv, tag } = sealAes(
    key.material,
    subject.material,
    modeOf(request, key, rest, { tagLength: tag_len }),
  )
  return { wrapped_key: base64(cipher), iv: base64(iv), tag: base64(tag) }
}

function unwrap(request: DsmRequest, key: DsmKey) {
  const { account, app } = request
  const { wrapped_key, tag, obj_type, name, group_id, key_ops, transient, ...rest } = bodyOf(unwrapShape, request.body)
  use(request, key, "UNWRAPKEY")
  const material = openAes(key.material, wrapped_key, modeOf(request, key, rest, { tag: tag ?? undefined }))
  account.requireFreeName(name ?? undefined)
  const made = newKey({
    ...{ kid: randomUUID(), nowMs: account.nowMs(), groupId: group_id ?? key.groupId, objType: obj_type, material },
    ...{ name: name ?? undefined, keyOps: key_ops ?? undefined, creatorApp: app.id, isTransient: transient ?? false },
  })
  account.keys.set(made.kid, made)
  return keyDocument(made, account.id)
}

/** The ciphertext of the mechanism becomes the material of the new key. */
function derive(request: DsmRequest, key: DsmKey) {
  const { account, app } = request
  const { name, group_id, key_size, key_type, key_ops, mechanism } = bodyOf(deriveShape, request.body)
  const { plain, tag_len, ...rest } = mechanism.encrypt_data
  use(request, key, "DERIVEKEY")
  const { cipher } = sealAes(key.material, plain, modeOf(request, key, rest, { tagLength: tag_len }))
  if (cipher.length * 8 < key_size) throw badRequest("The mechanism gives too few bytes for the key")
  const groupId = group_id ?? key.groupId
  account.requirePermission(app, groupId, "MANAGE")
  account.requireFreeName(name ?? undefined)
  const made = newKey({
    ...{
      kid: randomUUID(),
      nowMs: account.nowMs(),
      groupId,
      objType: key_type,
      creatorApp: app.id,
      origin: "FortanixHSM",
    },
    ...{ material: cipher.subarray(0, key_size / 8), name: name ?? undefined, keyOps: key_ops ?? undefined },
  })
  account.keys.set(made.kid, made)
  return keyDocument(made, account.id)
}

/** Each item has its own outcome; the batch as a whole succeeds. */
function batch(request: DsmRequest, run: (request: DsmRequest, key: DsmKey) => unknown) {
  return bodyOf(batchShape, request.body).map(({ kid, request: body }) => {
    try {
      const key = request.account.keyFor(request.app, kid)
      return { status: 200, error: null, body: run({ ...request, body }, key) }
    } catch (error) {
      if (!(error instanceof DsmError)) throw error
      return { status: error.status, error: error.message, body: null }
    }
  })
}

const statesFor: Readonly<Record<string, readonly string[]>> = {
  ENCRYPT: ["Active"],
  WRAPKEY: ["Active"],
  DERIVEKEY: ["Active"],
  DECRYPT: ["Active", "Deactivated", "Compromised"],
  UNWRAPKEY: ["Active", "Deactivated", "Compromised"],
}

/** Checks that the app may use the key; permissions and refusals are both logged. */
function use({ account, app, isApproved }: DsmRequest, key: DsmKey, permission: AppPermission): void {
  const record = (severity: "INFO" | "WARNING", message: string) =>
    account.record({
      ...{ actionType: "CRYPTOOPERATION", severity, message, actorId: app.id, objectId: key.kid },
      groupIds: [key.groupId],
    })
  try {
    account.requirePermission(app, key.groupId, permission)
    if (!key.keyOps.includes(permission)) throw forbidden(`Key operation ${permission} is not allowed`)
    if (!key.enabled) throw forbidden("Security object is disabled")
    if (statesFor[permission]?.includes(key.state) !== true) throw forbidden(`Security object is in state ${key.state}`)
    account.requireApproval(key.groupId, "use", isApproved)
  } catch (error) {
    record("WARNING", `App "${app.name}" was refused ${permission} with key "${key.name}"`)
    throw error
  }
  key.lastUsedMs = account.nowMs()
  record("INFO", `App "${app.name}" performed ${permission} with key "${key.name}"`)
}

function modeOf(
  { account }: DsmRequest,
  key: DsmKey,
  given: { readonly alg: string; readonly mode?: unknown; readonly iv?: unknown; readonly ad?: unknown },
  more: { readonly tagLength?: number | null | undefined; readonly tag?: Buffer | undefined },
): ModeParameters {
  const { alg, mode, iv, ad } = given
  if (alg !== "AES" || key.objType !== "AES") throw badRequest("Algorithm is not supported for this key")
  if (typeof mode !== "string") throw badRequest("mode is needed")
  const allowed = account.groups.get(key.groupId)?.aesModes
  if (allowed !== undefined && !allowed.includes(mode)) throw badRequest("Mode is not allowed by the group's policy")
  const bytes = (value: unknown) => (Buffer.isBuffer(value) ? value : undefined)
  return { mode, iv: bytes(iv), ad: bytes(ad), tag: more.tag, tagLength: more.tagLength ?? undefined }
}

function byId({ account, app, parameters: [kid = ""] }: DsmRequest): DsmKey {
  return account.keyFor(app, kid)
}

function byDescriptor({ account, app, body }: DsmRequest, field: "key" | "subject"): DsmKey {
  const named = bodyOf(z.looseObject({ [field]: descriptor }), body)[field]
  return account.describedKeyFor(app, bodyOf(descriptor, named))
}

function subjectById({ account, app, body }: DsmRequest): DsmKey {
  return account.keyFor(app, bodyOf(z.object({ kid: z.guid() }), body).kid)
}

function base64(bytes: Buffer | undefined): string | undefined {
  return bytes?.toString("base64")
}
