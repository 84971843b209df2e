import type { PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { z } from "zod"
import type { OpenBaoAnswer } from "./answer.ts"
import type { OpenBaoLogin, TokenLogin } from "./login.ts"

type LoginByRequest = Exclude<OpenBaoLogin, TokenLogin>

interface Refusal {
  readonly name: string
  readonly message: string
  readonly nextStep: string
}

const jwtRefusal = {
  message: "OpenBao does not accept the token for this role.",
  nextStep: "Check role, and that the token is current, and of the issuer, audience and subject that the role binds.",
}

const refusals: Readonly<Record<LoginByRequest["method"], Refusal>> = {
  approle: {
    name: "AppRole",
    message: "OpenBao does not accept the role id and secret id.",
    nextStep: "Check role_id, and issue a new secret id (`bao write -f auth/approle/role/ROLE/secret-id`).",
  },
  jwt: { name: "JWT", ...jwtRefusal },
  kubernetes: {
    name: "Kubernetes",
    message: "OpenBao does not accept the service account's token for this role.",
    nextStep:
      "Check role and auth_mount_path; that the role binds this service account, its namespace and the token's audience; and that OpenBao may review tokens of this cluster (auth/MOUNT/config).",
  },
  cert: {
    name: "certificate",
    message: "OpenBao does not accept the client certificate.",
    nextStep:
      "Check that a role of the method trusts the certificate's authority and names, and that nothing between here and OpenBao ends TLS.",
  },
}

/**
 * The login was refused: 400 for a wrong credential or role; 403 for a locked-out role, a service account that the role
 * does not bind, or when nothing is mounted there. Source: OpenBao 2.7.2 as run.
 *
 * @param jwt - the token that was sent, where the method has one: an expired one is called so
 */
export function loginRejected(
  login: LoginByRequest,
  answer: OpenBaoAnswer,
  jwt: string | undefined,
  nowMs: number,
): PluginError {
  const { name, message, nextStep } = refusals[login.method]
  const expiredAtMs = jwt === undefined ? undefined : expiryOf(jwt)
  if (expiredAtMs !== undefined && expiredAtMs <= nowMs) {
    return pluginError(
      "CREDENTIAL_REJECTED",
      `OpenBao does not accept the token: it expired at ${new Date(expiredAtMs).toISOString()}.`,
      "Have a new token written to its place; it is read at each login.",
    )
  }
  if (answer.status === 403 && login.method !== "kubernetes") {
    return pluginError(
      "CREDENTIAL_REJECTED",
      `OpenBao refuses the ${name} login altogether.`,
      login.method === "approle"
        ? "Check auth_mount_path and namespace; after repeated wrong logins OpenBao locks a role for some minutes (`bao write -f sys/locked-users/...` unlocks)."
        : "Check auth_mount_path and namespace.",
    )
  }
  if (login.method === "approle" && !("secretId" in login)) {
    return pluginError(
      "CREDENTIAL_REJECTED",
      "OpenBao does not accept the role id and the secret id that was unwrapped.",
      "Check role_id, and give a new wrapped secret id (`bao write -wrap-ttl=120s -f auth/approle/role/ROLE/secret-id`).",
    )
  }
  return pluginError("CREDENTIAL_REJECTED", message, nextStep)
}

const claims = z.object({ exp: z.number().positive().max(8_640_000_000_000) })

/** When a token says that it expires, in milliseconds since the Unix epoch. Nothing is verified: it words an error. */
function expiryOf(jwt: string): number | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString("utf8"))
    const parsed = claims.safeParse(payload)
    return parsed.success ? parsed.data.exp * 1000 : undefined
  } catch {
    return undefined // no JWT: OpenBao has refused it for that
  }
}
