import { randomBytes } from "node:crypto"

/** Source: `KeyObjectState` of the vendor's client. */
export type DsmKeyState = "PreActive" | "Active" | "Deactivated" | "Compromised" | "Destroyed" | "Deleted"

/** Default operations of an AES key: everything except EXPORT. */
export const defaultKeyOperations = [
  "ENCRYPT",
  "DECRYPT",
  "WRAPKEY",
  "UNWRAPKEY",
  "DERIVEKEY",
  "MACGENERATE",
  "MACVERIFY",
  "APPMANAGEABLE",
]

/** A security object. */
export interface DsmKey {
  readonly kid: string
  readonly groupId: string
  readonly objType: string
  readonly keySize: number
  readonly origin: "FortanixHSM" | "External"
  readonly creatorApp: string | undefined
  readonly createdAtMs: number
  readonly isTransient: boolean
  name: string | undefined
  description: string | undefined
  keyOps: readonly string[]
  enabled: boolean
  state: DsmKeyState
  activationMs: number | undefined
  deactivationMs: number | undefined
  lastUsedMs: number | undefined
  customMetadata: Readonly<Record<string, string>>
  /** False once EXPORT has been among its operations. */
  neverExportable: boolean
  links: { replacement?: string; replaced?: string }
  /** Empty once the key is destroyed. */
  material: Buffer
}

/** Settings of a new key. */
export interface KeyWish {
  readonly groupId: string
  readonly kid: string
  readonly nowMs: number
  readonly name?: string | undefined
  readonly objType?: string | undefined
  readonly keySize?: number | undefined
  readonly keyOps?: readonly string[] | undefined
  readonly enabled?: boolean | undefined
  readonly state?: DsmKeyState | undefined
  readonly description?: string | undefined
  readonly customMetadata?: Readonly<Record<string, string>> | undefined
  readonly material?: Buffer | undefined
  /** Default: `External` for given material. */
  readonly origin?: DsmKey["origin"] | undefined
  readonly creatorApp?: string | undefined
  readonly isTransient?: boolean | undefined
}

/** Creates a key, with new material unless the settings contain some. */
export function newKey(wish: KeyWish): DsmKey {
  const { material = randomBytes((wish.keySize ?? 256) / 8), keyOps = defaultKeyOperations, state = "Active" } = wish
  return {
    kid: wish.kid,
    groupId: wish.groupId,
    objType: wish.objType ?? "AES",
    keySize: material.length * 8,
    origin: wish.origin ?? (wish.material === undefined ? "FortanixHSM" : "External"),
    creatorApp: wish.creatorApp,
    createdAtMs: wish.nowMs,
    isTransient: wish.isTransient ?? false,
    name: wish.name,
    description: wish.description,
    keyOps,
    enabled: wish.enabled ?? true,
    state,
    activationMs: state === "Active" ? wish.nowMs : undefined,
    deactivationMs: undefined,
    lastUsedMs: undefined,
    customMetadata: wish.customMetadata ?? {},
    neverExportable: !keyOps.includes("EXPORT"),
    links: {},
    material,
  }
}

/** A moment as DSM spells it: `YYYYMMDDTHHMMSSZ`. */
export function dsmTime(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "")
}

/** The key as the API shows it: never its material. */
export function keyDocument(key: DsmKey, accountId: string): Readonly<Record<string, unknown>> {
  const { activationMs, deactivationMs } = key
  return {
    kid: key.isTransient ? undefined : key.kid,
    transient_key: key.isTransient ? key.kid : undefined,
    name: key.name,
    description: key.description,
    obj_type: key.objType,
    key_size: key.keySize,
    key_ops: key.keyOps,
    acct_id: accountId,
    group_id: key.groupId,
    creator: key.creatorApp === undefined ? { user: "00000000-0000-0000-0000-000000000001" } : { app: key.creatorApp },
    custom_metadata: key.customMetadata,
    enabled: key.enabled,
    state: key.state,
    origin: key.origin,
    never_exportable: key.neverExportable,
    public_only: false,
    created_at: dsmTime(key.createdAtMs),
    lastused_at: dsmTime(key.lastUsedMs ?? 0),
    activation_date: activationMs === undefined ? undefined : dsmTime(activationMs),
    deactivation_date: deactivationMs === undefined ? undefined : dsmTime(deactivationMs),
    links: Object.keys(key.links).length === 0 ? undefined : key.links,
    kcv: undefined,
  }
}
