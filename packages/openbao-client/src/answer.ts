import { takeBase64Field } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

/** Answer of OpenBao to one request, success or not. */
export interface OpenBaoAnswer {
  readonly status: number
  /**
   * Texts of `errors`; `undefined` where the answer has no such field. They are the server's own words: match them, but
   * never show them unredacted.
   */
  readonly errors?: readonly string[] | undefined
  readonly data?: unknown
  readonly auth?: unknown
  /** OpenBao's own id of the request, as in its audit log. Present on successes only. */
  readonly requestId?: string | undefined
  /** Decoded bytes of the `data` field that the request named as secret. The caller fills them with zeros after use. */
  readonly secret?: Uint8Array | undefined
}

const answerShape = z.object({
  errors: z.array(z.string()).nullish(),
  data: z.unknown().optional(),
  auth: z.unknown().optional(),
  // A hostile server could put anything here, and the value goes into the audit log.
  request_id: z.guid().optional().catch(undefined),
})

const healthShape = z.object({
  initialized: z.boolean(),
  sealed: z.boolean(),
  standby: z.boolean(),
  version: z.string().max(100),
  cluster_id: z.string().max(100).optional(),
})

const leaderShape = z.object({
  is_self: z.boolean(),
  // Absent while the node knows no leader.
  leader_cluster_address: z.string().max(1000).default(""),
})

/** Answer of `sys/leader`: the leader as this node knows it. */
export type LeaderAnswer = z.output<typeof leaderShape>

/** Answer of `sys/health`. */
export type HealthAnswer = z.output<typeof healthShape>

/**
 * Parses an answer. A `data` field that is named as secret is decoded from the bytes and wiped from the body before the
 * rest becomes text. The token is removed from the texts of `errors`, where a hostile server may have put it.
 *
 * @returns `undefined` when the answer does not come from OpenBao
 */
export function readAnswer(
  status: number,
  body: Uint8Array,
  settings: { readonly secretField?: string | undefined; readonly token?: string | undefined },
): OpenBaoAnswer | undefined {
  const { secretField, token } = settings
  if (body.length === 0) return status === 204 ? { status } : undefined
  const secret = secretField === undefined || status >= 300 ? undefined : takeBase64Field(body, secretField)
  const parsed = answerShape.safeParse(parseJson(body))
  if (!parsed.success || !hasFieldOfOpenBao(parsed.data)) {
    secret?.fill(0)
    return undefined
  }
  const { errors, data, auth, request_id: requestId } = parsed.data
  const plain = token === undefined ? errors : errors?.map((text) => text.replaceAll(token, "..."))
  return { status, errors: plain ?? undefined, data, auth, requestId, secret }
}

/** JSON of other servers has none of these fields: OpenBao's errors have the first, its successes the others. */
function hasFieldOfOpenBao({ errors, ...success }: z.output<typeof answerShape>): boolean {
  return Array.isArray(errors) || "data" in success || "auth" in success
}

/** Parses the answer of `sys/health`, whose shape differs from all others. */
export function readHealth(body: Uint8Array): HealthAnswer | undefined {
  return healthShape.safeParse(parseJson(body)).data
}

/** Parses the answer of `sys/leader`, whose shape differs from all others. */
export function readLeader(body: Uint8Array): LeaderAnswer | undefined {
  return leaderShape.safeParse(parseJson(body)).data
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8"))
  } catch {
    // The shape check that follows rejects this. The parser's message would quote the body.
    return undefined
  }
}
