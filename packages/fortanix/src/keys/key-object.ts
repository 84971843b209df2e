import * as z from "zod"

/** The facts that DSM reports about a key. */
export interface DsmKey {
  readonly kid: string
  readonly name: string
  readonly groupId: string
  readonly accountId: string
  /** E.g. `AES`. */
  readonly type: string
  readonly bits: number | undefined
  readonly operations: readonly string[]
  readonly enabled: boolean
  /** E.g. `Active`; `Active` as well for an object for which DSM reports no state. */
  readonly state: string
  /** False where EXPORT was once among its operations. */
  readonly neverExportable: boolean
  /** Whether its material was imported. */
  readonly isImported: boolean
  readonly createdAtMs: number
  /** The version before this one, and the one after it. */
  readonly replaced: string | undefined
  readonly replacement: string | undefined
}

const timeForm = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/

const time = z
  .string()
  .regex(timeForm)
  .transform((text) => Date.parse(text.replace(timeForm, "$1-$2-$3T$4:$5:$6Z")))

const kid = z.guid().transform((text) => text.toLowerCase())

const keyShape = z.object({
  kid,
  name: z.string().max(4096).nullish(),
  group_id: z.guid(),
  acct_id: z.guid(),
  obj_type: z.string().regex(/^[A-Za-z0-9_-]{1,40}$/),
  key_size: z.int().nullish(),
  key_ops: z.array(z.string().regex(/^[A-Z]{1,40}$/)).max(100),
  enabled: z.boolean(),
  state: z
    .string()
    .regex(/^[A-Za-z]{1,40}$/)
    .nullish(),
  never_exportable: z.boolean().nullish(),
  origin: z.string().max(40).nullish(),
  created_at: time,
  links: z.object({ replaced: kid.nullish(), replacement: kid.nullish() }).nullish(),
})

/** Reads a key object; `undefined` when `json` is not one. */
export function readKey(json: unknown): DsmKey | undefined {
  const parsed = keyShape.safeParse(json)
  if (!parsed.success) return undefined
  const read = parsed.data
  return {
    kid: read.kid,
    name: read.name ?? "",
    groupId: read.group_id.toLowerCase(),
    accountId: read.acct_id.toLowerCase(),
    type: read.obj_type,
    bits: read.key_size ?? undefined,
    operations: read.key_ops,
    enabled: read.enabled,
    state: read.state ?? "Active",
    neverExportable: read.never_exportable ?? false,
    isImported: read.origin === "External",
    createdAtMs: read.created_at,
    replaced: read.links?.replaced ?? undefined,
    replacement: read.links?.replacement ?? undefined,
  }
}

/** Reads an answer that lists keys: an array, or one below `items`. */
export function readKeys(json: unknown): readonly DsmKey[] | undefined {
  const parsed = z.union([z.array(z.unknown()), z.object({ items: z.array(z.unknown()) })]).safeParse(json)
  if (!parsed.success) return undefined
  const items = Array.isArray(parsed.data) ? parsed.data : parsed.data.items
  const keys = items.map(readKey)
  return keys.every((key) => key !== undefined) ? keys : undefined
}
