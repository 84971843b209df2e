import type { PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import type { OpenBaoLogin, TokenLogin } from "./login.ts"

type LoginByRequest = Exclude<OpenBaoLogin, TokenLogin>

/** Facts about a login that OpenBao refused. */
export interface RefusedLogin {
  readonly status: 400 | 403
  readonly namespace: string | undefined
  /** Token that was sent, where the method has one; the error names its expiry. */
  readonly jwt: string | undefined
  /** Wall clock, milliseconds since the Unix epoch. */
  readonly refusedAtMs: number
  /** The same credential is not presented again before this time: wall clock, milliseconds since the Unix epoch. */
  readonly heldUntilMs: number
}

/**
 * Makes the error for a refused login: 400 for a wrong credential or role; 403 for a locked-out role, a service account
 * that the role does not bind, or a path where nothing is mounted. Source: OpenBao 2.7.2 as run. The message states the
 * time, because the error is thrown again while the same credential is held back.
 */
export function loginRejected(login: LoginByRequest, refused: RefusedLogin): PluginError {
  const expiredAtMs = refused.jwt === undefined ? undefined : expiryOf(refused.jwt)
  const [message, nextStep] =
    expiredAtMs !== undefined && expiredAtMs <= refused.refusedAtMs
      ? [
          `OpenBao does not accept the token, which expired at ${timeText(expiredAtMs)}`,
          "Replace the token; the host reads it at each login.",
        ]
      : refusalOf(login, refused)
  return pluginError(
    "CREDENTIAL_REJECTED",
    `${message} (its answer at ${timeText(refused.refusedAtMs)}).`,
    `${nextStep} ${again(login, refused)}`,
  )
}

/** Message and next step. */
function refusalOf(login: LoginByRequest, refused: RefusedLogin): readonly [string, string] {
  const { mountPath } = login
  const isDenied = refused.status === 403
  switch (login.method) {
    case "approle": {
      if (isDenied) {
        return [
          "OpenBao denies the AppRole login",
          `Check auth_mount_path and namespace; after repeated failed logins OpenBao locks a role for some minutes, and \`${unlockCommand(login.roleId, mountPath, refused)}\` unlocks it.`,
        ]
      }
      const isWrapped = !("secretId" in login)
      const wrap = isWrapped ? " -wrap-ttl=300s" : ""
      return [
        `OpenBao does not accept the role id and ${isWrapped ? "the unwrapped secret id" : "secret id"}`,
        `Check role_id, and issue a new secret id (\`bao write${namespaceFlag(refused)}${wrap} -f auth/${mountPath}/role/ROLE/secret-id\`).`,
      ]
    }
    case "jwt":
      return isDenied
        ? ["OpenBao denies the JWT login", "Check auth_mount_path and namespace."]
        : [
            "OpenBao does not accept the token for this role",
            "Check role, and that the token has not expired and has the issuer, audience and subject that the role binds.",
          ]
    case "kubernetes":
      return [
        "OpenBao does not accept the service account's token for this role",
        `Check role, auth_mount_path and namespace; that the role binds this service account, its namespace and the token's audience; and that OpenBao may review tokens of this cluster (auth/${mountPath}/config).`,
      ]
    case "cert":
      return isDenied
        ? ["OpenBao denies the certificate login", "Check auth_mount_path and namespace."]
        : [
            "OpenBao does not accept the client certificate",
            "Check that a role of the method trusts the certificate's authority and names, and that no proxy between the host and OpenBao terminates TLS.",
          ]
  }
}

function again(login: LoginByRequest, { heldUntilMs }: RefusedLogin): string {
  const credential = { approle: "secret id", jwt: "token", kubernetes: "token", cert: "certificate" }[login.method]
  return `The host presents the same ${credential} again after ${timeText(heldUntilMs)}; a connection test presents it at once.`
}

function unlockCommand(roleId: string, mountPath: string, refused: RefusedLogin): string {
  const flag = namespaceFlag(refused)
  // A role id with shell metacharacters is left for the reader to fill in.
  const user = /^[A-Za-z0-9_.-]+$/.test(roleId) ? roleId : "ROLE_ID"
  return `bao write${flag} -f sys/locked-users/$(bao read${flag} -field=accessor sys/auth/${mountPath})/unlock/${user}`
}

function namespaceFlag({ namespace }: RefusedLogin): string {
  return namespace === undefined ? "" : ` -namespace=${namespace}`
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z")
}

const claims = z.object({ exp: z.number().positive().max(8_640_000_000_000) })

/**
 * Reads the expiry that a token claims, in milliseconds since the Unix epoch. Unverified: it only serves the error
 * message.
 */
function expiryOf(jwt: string): number | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString("utf8"))
    const parsed = claims.safeParse(payload)
    return parsed.success ? parsed.data.exp * 1000 : undefined
  } catch {
    return undefined // not a JWT, which is why OpenBao refused it
  }
}
