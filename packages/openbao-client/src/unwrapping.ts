import type { CallOptions, PluginError } from "@apeiro-cmk/plugin-interface"
import { isHeaderValue, pluginError, readText, unusable } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { unexpectedAnswer } from "./errors.ts"
import type { WrappedAppRoleLogin } from "./login.ts"
import type { Wire } from "./wire.ts"

const wrappedShape = z.object({ creation_path: z.string().max(1024) })
const secretIdShape = z.object({ secret_id: z.string().min(1).max(4096) })

/**
 * Returns the secret id behind the wrapping token that is stored now. Asks OpenBao first what the token wraps: a token
 * that wraps something else was substituted.
 *
 * @throws {PluginError} CREDENTIAL_REJECTED - the token is used up or expired, or does not wrap a secret id of this
 * mount
 */
export async function unwrapSecretId(login: WrappedAppRoleLogin, wire: Wire, call: CallOptions): Promise<string> {
  const token = await readText(login.wrappedSecretId, "wrapping token", call)
  if (!isHeaderValue(token)) throw unusable("wrapping token")
  const { unwrapped, mountPath } = login
  return unwrapped.once(token, async () => {
    const path = await creationPath(token, wire, call)
    if (path === undefined) throw usedUp(unwrapped.hasLostAnswer(token))
    if (!isSecretIdPath(path, mountPath)) throw foreignWrap()
    const request = { method: "POST", path: "sys/wrapping/unwrap", body: Buffer.from("{}") } as const
    const answer = await wire.send(request, token, call).catch((error: unknown) => {
      unwrapped.answerWasLost(token)
      throw error
    })
    if (answer.status === 400 || answer.status === 403) throw usedUp(false)
    const opened = secretIdShape.safeParse(answer.data)
    // Not quoted, because it may carry the secret id.
    if (answer.status !== 200 || !opened.success) throw unexpectedAnswer({ status: answer.status })
    return opened.data.secret_id
  })
}

/** Returns the path whose answer the token wraps; `undefined` when the token is not, or no longer, a wrapping token. */
async function creationPath(token: string, wire: Wire, call: CallOptions): Promise<string | undefined> {
  const body = Buffer.from(JSON.stringify({ token }))
  const request = { method: "POST", path: "sys/wrapping/lookup", body, repeatable: true } as const
  const answer = await wire.send(request, undefined, call).finally(() => body.fill(0))
  if (answer.status === 400 || answer.status === 403) return undefined
  const wrapped = wrappedShape.safeParse(answer.data)
  if (answer.status !== 200 || !wrapped.success) throw unexpectedAnswer({ status: answer.status })
  return wrapped.data.creation_path
}

function isSecretIdPath(path: string, mountPath: string): boolean {
  const roles = `auth/${mountPath}/role/`
  return path.startsWith(roles) && /^[^/]+\/secret-id$/.test(path.slice(roles.length))
}

function usedUp(lostAnAnswer: boolean): PluginError {
  if (lostAnAnswer) {
    return pluginError(
      "CREDENTIAL_REJECTED",
      "The wrapping token is used up: the answer to an earlier unwrapping did not arrive here.",
      "Check OpenBao's audit log whether this host made that unwrapping; then provide a new wrapped secret id.",
    )
  }
  return pluginError(
    "CREDENTIAL_REJECTED",
    "The wrapping token has expired or somebody else has unwrapped it: treat its secret id as compromised.",
    "Destroy the secret id by its accessor, check OpenBao's audit log for who unwrapped it, and provide a new wrapped secret id, as after every restart of this host.",
  )
}

function foreignWrap(): PluginError {
  return pluginError(
    "CREDENTIAL_REJECTED",
    "The wrapping token does not wrap a secret id of this AppRole mount, and was not unwrapped.",
    "Find out who put it there; check auth_mount_path, and provide a wrapped secret id (`bao write -wrap-ttl=120s -f auth/MOUNT/role/ROLE/secret-id`).",
  )
}
