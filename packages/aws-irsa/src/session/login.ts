import {
  type CallOptions,
  type HttpClient,
  type HttpResponse,
  isPluginError,
  type PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { parseArn } from "../arns.ts"
import type { KeystoreConfiguration, PluginConfiguration } from "../config.ts"
import { endpointOf } from "../endpoints.ts"
import { isSessionGone } from "../errors.ts"
import { externalIdOf } from "../external-id.ts"
import { auditedSession } from "./audited-session.ts"
import { readClientCertificate } from "./certificates.ts"
import { openPlatformSession } from "./platform-session.ts"
import { createRolesAnywhereSession } from "./roles-anywhere.ts"
import type { AwsSession, OpenSession } from "./session.ts"
import type { SessionCache } from "./session-cache.ts"
import { sessionNameOf } from "./session-name.ts"
import { assumeRole, type StsPlace } from "./sts.ts"

/** Arguments of {@link loginOf}. */
export interface LoginOptions {
  readonly settings: PluginConfiguration
  readonly configuration: KeystoreConfiguration
  readonly tenantId: string
  readonly http: HttpClient
  readonly onAnswer: (answer: HttpResponse) => void
  /** Session of the platform's own role, shared by all keystores. */
  readonly platform: SessionCache
  readonly services: Pick<PluginServices, "audit" | "clock" | "logger">
}

/**
 * Makes the login of a keystore: web identity, followed by the tenant's role if there is one; or Roles Anywhere.
 *
 * @throws {PluginError} INVALID_REQUEST - certificate and key do not match, or the operator has not set web identity
 */
export function loginOf(options: LoginOptions): OpenSession {
  const { configuration, services } = options
  const { open, facts } =
    configuration.auth_method === "roles_anywhere" ? byCertificate(options) : byWebIdentity(options)
  return auditedSession(open, { method: configuration.auth_method, ...facts }, services)
}

interface Login {
  readonly open: OpenSession
  readonly facts: Readonly<Record<string, string>>
}

function byWebIdentity(options: LoginOptions): Login {
  const { settings, configuration, tenantId, platform } = options
  const { webIdentity, sessionName: host } = settings
  if (webIdentity === undefined) {
    const message = "Web identity is not configured for this plugin."
    const next = "Ask the operator to set webIdentity in the profile, or use auth_method roles_anywhere."
    throw pluginError("INVALID_REQUEST", message, next, { origin: "host" })
  }
  const place = stsPlace(options, webIdentity.region)
  const sessionName = sessionNameOf(host, tenantId)
  const { role_arn: roleArn, external_id: given } = configuration
  if (roleArn === undefined) {
    return {
      open: (call) => openPlatformSession(place, webIdentity, sessionName, call),
      facts: { role: webIdentity.roleArn, session_name: sessionName },
    }
  }
  const externalId = externalIdOf(tenantId, webIdentity.roleArn, given)
  const request = { roleArn, sessionName, externalId }
  return {
    open: (call) => withPlatform(platform, call, (base) => assumeRole(place, base, request, call)),
    facts: { role: roleArn, session_name: sessionName },
  }
}

/** Repeats the work once under a new session, only if AWS no longer accepts the platform's session. */
async function withPlatform(
  platform: SessionCache,
  call: CallOptions,
  work: (base: AwsSession) => Promise<AwsSession>,
): Promise<AwsSession> {
  const base = await platform.get(call)
  try {
    return await work(base)
  } catch (error) {
    if (!(isPluginError(error) && isSessionGone(error.cause))) throw error
    platform.drop(base)
  }
  return work(await platform.get(call))
}

function byCertificate({ settings, configuration, http, onAnswer, services: { clock } }: LoginOptions): Login {
  const { role_arn: roleArn, trust_anchor_arn, profile_arn, client_certificate, client_key } = configuration
  if (!roleArn || !trust_anchor_arn || !profile_arn || !client_certificate || !client_key) {
    throw new Error("the rules accepted an incomplete configuration")
  }
  const region = parseArn(trust_anchor_arn)?.region ?? ""
  const endpoint = endpointOf("rolesanywhere", region, settings)
  const place = { endpoint, region, http, onAnswer, clock }
  const open: OpenSession = async (call) => {
    const key = await client_key.read(call.signal)
    try {
      const certificate = readClientCertificate(client_certificate, key, clock.nowMs())
      const request = { roleArn, trustAnchorArn: trust_anchor_arn, profileArn: profile_arn, certificate }
      return await createRolesAnywhereSession(place, request, call)
    } finally {
      key.fill(0)
    }
  }
  return { open, facts: { role: roleArn, trust_anchor: trust_anchor_arn } }
}

/** Returns the place of STS in a region, under the operator's settings. */
export function stsPlace(
  { settings, http, onAnswer }: Pick<LoginOptions, "settings" | "http" | "onAnswer">,
  region: string,
): StsPlace {
  const { requestTimeoutMs } = settings
  return { endpoint: endpointOf("sts", region, settings), region, http, requestTimeoutMs, onAnswer }
}
