import { newTenantToken } from "@apeiro-cmk/access"
import type { TokenRecord } from "@apeiro-cmk/persistence"
import * as z from "zod"
import { callerError, invalidRequest } from "../../errors.ts"
import { momentOf, tenantId, tenantParameters } from "../../fields.ts"
import { created, document, nothing } from "../../pipeline/answer.ts"
import { defineList } from "../../pipeline/define-list.ts"
import { renamed } from "../../pipeline/renamed.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { auditEventOf } from "../audit-event.ts"
import { createdToken, longestLifeSeconds, tokenAnswer, tokenDocument, tokenList } from "./schemas.ts"

/** Life of a token when the request names none, in seconds: 30 days. */
const usualLifeSeconds = 30 * 24 * 3600

function tokenAnswerOf(token: TokenRecord): z.input<typeof tokenAnswer> {
  return {
    token_id: token.tokenId,
    role: token.role,
    created_at: momentOf(token.createdAtMs),
    expires_at: momentOf(token.expiresAtMs),
    ...(token.revokedAtMs === undefined ? {} : { revoked_at: momentOf(token.revokedAtMs) }),
  }
}

/** Reads when a new token ends. @throws {HttpApiError} INVALID_REQUEST - `expires_at` is over, or more than a year away */
function expiryMs(document: z.output<typeof tokenDocument>, nowMs: number): number {
  if (document.expires_at === undefined) return nowMs + (document.expires_in_seconds ?? usualLifeSeconds) * 1000
  const expiresAtMs = Date.parse(document.expires_at)
  if (expiresAtMs > nowMs && expiresAtMs <= nowMs + longestLifeSeconds * 1000) return expiresAtMs
  throw invalidRequest("The token's expiry is not valid.", [
    { path: ["expires_at"], message: `must lie in the future, at most ${longestLifeSeconds} s away` },
  ])
}

/** Makes a token. This answer alone contains its secret. */
export const createToken = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/tokens",
  summary: "Make a token",
  description:
    "The secret is shown once, and only its hash is stored. A repeated request with the same Idempotency-Key answers " +
    "with the same token without its secret: when the first answer was lost, delete that token and make another.",
  permission: "tokens.manage",
  params: tenantParameters,
  query: none,
  body: tokenDocument,
  response: { status: 201, description: "The new token with its secret", schema: createdToken },
  problems: ["QUOTA_EXCEEDED"],
  replay: ({ token: _secret, ...shown }) => shown,
  handler: async ({ params, body, call, services }) => {
    const expiresAtMs = expiryMs(body, services.clock.nowMs())
    const { record, secret } = newTenantToken({ tenantId: params.tenant_id, role: body.role, expiresAtMs }, services)
    const event = auditEventOf(call, "credentialCreate", { type: "token", id: record.tokenId })
    const facts = { role: record.role, expires_at: momentOf(record.expiresAtMs) }
    await services.tokens.insertToken(record, [services.audit.prepare({ ...event, facts })])
    const location = `/v1/tenants/${params.tenant_id}/tokens/${record.tokenId}`
    return created(location, { ...tokenAnswerOf(record), token: secret })
  },
})

/** Lists a tenant's tokens. */
export const listTokens = defineList({
  path: "/v1/tenants/{tenant_id}/tokens",
  summary: "List the tokens, without their secrets",
  permission: "tokens.manage",
  params: tenantParameters,
  description: "Tokens, oldest first, including revoked and expired ones: of these the newest, as many as the quota",
  schema: tokenList,
  position: z.uuid(),
  read: (page, params, services) => services.tokens.tokens(params.tenant_id, page),
  positionOf: (token) => token.tokenId,
  answer: (tokens) => ({ tokens: tokens.map(tokenAnswerOf) }),
})

const tokenParameters = z.strictObject({ tenant_id: tenantId, token_id: z.uuid().max(36) })

/** Shows one token. */
export const getToken = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/tokens/{token_id}",
  summary: "Show a token, without its secret",
  permission: "tokens.manage",
  params: tokenParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The token", schema: tokenAnswer },
  problems: ["TOKEN_NOT_FOUND"],
  handler: async ({ params, services }) => {
    const token = await services.tokens.token(params.tenant_id, params.token_id)
    if (token === undefined) throw tokenNotFound()
    return document(tokenAnswerOf(token))
  },
})

/** Revokes a token at once. */
export const deleteToken = defineRoute({
  method: "delete",
  path: "/v1/tenants/{tenant_id}/tokens/{token_id}",
  summary: "Revoke a token at once",
  description: "Idempotent: a revoked token stays revoked.",
  permission: "tokens.manage",
  params: tokenParameters,
  query: none,
  body: none,
  response: { status: 204, description: "The token is revoked" },
  problems: ["TOKEN_NOT_FOUND"],
  handler: async ({ params, call, services }) => {
    const event = auditEventOf(call, "credentialDelete", { type: "token", id: params.token_id })
    const entry = services.audit.prepare(event)
    const nowMs = services.clock.nowMs()
    await renamed({ NOT_FOUND: { code: "TOKEN_NOT_FOUND", message: tokenNotFound().message } }, () =>
      services.tokens.revokeToken(params.tenant_id, params.token_id, nowMs, [entry]),
    )
    return nothing()
  },
})

function tokenNotFound() {
  return callerError("TOKEN_NOT_FOUND", "This tenant has no such token.", "List the tokens, and check the id.")
}
