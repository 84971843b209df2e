import * as z from "zod"
import type { GoHost, GoHostAnswer } from "./go-host.ts"

/** A key that its owner holds, as a user of CMK's API registers it. */
export interface HyokKey {
  readonly nativeId: string
  /** `accessDetails.management`. */
  readonly management: Readonly<Record<string, unknown>>
  /** `accessDetails.crypto`, by region. Default: none. */
  readonly crypto?: Readonly<Record<string, unknown>>
}

/** Response of CMK's API to a registration. */
export interface Registration {
  readonly status: 201 | 400 | 500
  /** The API's error code. */
  readonly code?: string
  readonly context?: Readonly<Record<string, string>>
  readonly region?: string
  /** The version that CMK considers the newest: the one with the latest time. */
  readonly primaryVersion?: string
}

/** The certificate that CMK issued for the tenant, PEM; the key in PKCS #1. */
export interface TenantCertificate {
  readonly clientCert: string
  readonly privateKey: string
}

/** The part of CMK that calls a keystore's plugin for HYOK keys. */
export interface CmkEmulator {
  /** `POST /keys`. */
  register(key: HyokKey): Promise<Registration>
  /** Runs the task `key:sync`. @returns the state that CMK records */
  sync(key: HyokKey): Promise<string>
}

const foundKey = z.object({
  algorithm: z.string(),
  status: z.string(),
  latestKeyVersionId: z.string(),
  latestRotationTime: z.iso.datetime(),
})
const foundVersions = z.object({
  versions: z.array(z.object({ versionId: z.string(), creationTime: z.iso.datetime(), status: z.string() })).min(1),
})
const longestRegion = 50

/** The three answers of a keystore's plugin that CMK compares literally (openkcm/plugin-sdk v0.14.0). */
const sentinels = [
  {
    ...{ code: "INVALID_ARGUMENT", message: "failed to authenticate with the keystore provider" },
    ...{ registration: "REGISTER_KEY_AUTHENTICATION_FAILED", state: "FORBIDDEN" },
  },
  {
    ...{ code: "NOT_FOUND", message: "key not found in the keystore provider" },
    ...{ registration: "REGISTER_KEY_PROVIDER_KEY_NOT_FOUND", state: "DELETED" },
  },
  {
    ...{ code: "UNKNOWN", message: "failed to get key" },
    ...{ registration: "REGISTER_KEY_INVALID_PROVIDER_KEY", state: "UNKNOWN" },
  },
]
const failed: Registration = { status: 500, code: "CREATE_KEY" }

/**
 * Makes the calls of OpenKCM's CMK for HYOK keys, in its order and with its judgments, on a host that has loaded the
 * plugin by upstream's own code. The order and the judgments are ours, after v0.9.0 and its main branch: that server
 * itself is not available here. v0.9.0 reads the newest version of GetKey and main reads GetKeyVersions: both must agree.
 */
export function createCmkEmulator(host: GoHost, certificate: TenantCertificate): CmkEmulator {
  const parameters = ({ nativeId, management }: HyokKey) => ({
    // The user's values go over the server's own.
    parameters: {
      config: { values: { authType: "AUTH_TYPE_CERTIFICATE", ...certificate, ...management } },
      keyId: nativeId,
    },
  })

  async function newestVersion(key: HyokKey): Promise<string> {
    const { latestKeyVersionId } = foundKey.parse((await host.call("GetKey", parameters(key))).response)
    const { versions } = foundVersions.parse((await host.call("GetKeyVersions", parameters(key))).response)
    const newest = versions.toSorted((a, b) => Date.parse(b.creationTime) - Date.parse(a.creationTime))[0]
    if (newest?.versionId !== latestKeyVersionId) throw new Error("GetKey and GetKeyVersions name two newest versions")
    return newest.versionId
  }

  return {
    async register(key) {
      const { management, crypto = {}, nativeId } = key
      const access = await host.call("ValidateKeyAccessData", { management, crypto })
      if (!access.ok) return refusedAccess(access)
      const located = await host.call("ExtractKeyRegion", {
        nativeKeyId: nativeId,
        managementAccessData: management,
      })
      const region = located.response?.region
      if (typeof region !== "string" || region === "") {
        return { status: 400, code: "INVALID_KEY_ATTRIBUTE", context: { reason: located.message ?? "" } }
      }
      if (region.length > longestRegion) return failed
      const answer = await host.call("GetKey", parameters(key))
      if (!answer.ok) {
        const sentinel = sentinelOf(answer)
        return sentinel === undefined ? failed : { status: 400, code: sentinel.registration }
      }
      const { algorithm, status } = foundKey.parse(answer.response)
      if (algorithm !== "KEY_ALGORITHM_AES256") return failed
      if (status !== "ENABLED") return { status: 400, code: "REGISTER_KEY_INVALID_STATE" }
      return { status: 201, region, primaryVersion: await newestVersion(key) }
    },
    async sync(key) {
      const answer = await host.call("GetKey", parameters(key))
      if (!answer.ok) return sentinelOf(answer)?.state ?? "UNKNOWN"
      await newestVersion(key)
      return foundKey.parse(answer.response).status
    },
  }
}

function refusedAccess({ code, message, details: [info] }: GoHostAnswer): Registration {
  if (code !== "INVALID_ARGUMENT" || message !== "invalid key access data") return failed
  return { status: 400, code: "INVALID_ACCESS_DATA", context: { reason: info?.reason ?? "", ...info?.metadata } }
}

function sentinelOf(answer: GoHostAnswer) {
  return sentinels.find(({ code, message }) => code === answer.code && message === answer.message)
}
