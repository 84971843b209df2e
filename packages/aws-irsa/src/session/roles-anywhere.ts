import { createHash, type KeyObject, sign, type X509Certificate } from "node:crypto"
import type { CallOptions, Clock, HttpClient, HttpResponse } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { rolesAnywhereError } from "../errors.ts"
import type { ClientCertificate } from "./certificates.ts"
import type { AwsSession } from "./session.ts"

/** Place of Roles Anywhere, and the way to reach it. */
export interface RolesAnywherePlace {
  readonly endpoint: string
  readonly region: string
  readonly http: HttpClient
  readonly onAnswer: (answer: HttpResponse) => void
  readonly clock: Clock
}

/** The requested role and the trust that grants it. */
export interface RolesAnywhereRequest {
  readonly roleArn: string
  readonly trustAnchorArn: string
  readonly profileArn: string
  readonly certificate: ClientCertificate
}

const sessionSeconds = 3600
const path = "/sessions"
const contentType = "application/json"

const answerShape = z.object({
  credentialSet: z
    .array(
      z.object({
        credentials: z.object({
          accessKeyId: z.string().min(1),
          secretAccessKey: z.string().min(1),
          sessionToken: z.string().min(1),
          expiration: z.iso.datetime(),
        }),
      }),
    )
    .min(1),
})

/**
 * Opens a session with a certificate. Source: IAM Roles Anywhere User Guide, "Signing process" and "CreateSession".
 *
 * @throws {PluginError} CREDENTIAL_REJECTED - certificate, anchor, profile and role do not match
 */
export async function createRolesAnywhereSession(
  place: RolesAnywherePlace,
  request: RolesAnywhereRequest,
  call: CallOptions,
): Promise<AwsSession> {
  const { trustAnchorArn, profileArn, roleArn } = request
  const query = canonicalQuery({ profileArn, roleArn, trustAnchorArn })
  const body = JSON.stringify({ durationSeconds: sessionSeconds, profileArn, roleArn, trustAnchorArn })
  const url = new URL(`${path}?${query}`, place.endpoint)
  const answer = await place.http.request({
    method: "POST",
    url: url.href,
    headers: signedHeaders(place, request.certificate, url.host, query, body),
    body,
    signal: call.signal,
    call,
  })
  place.onAnswer(answer)
  if (answer.status !== 201) throw refused(answer)
  return readSession(answer)
}

function readSession({ body, headers }: HttpResponse): AwsSession {
  const parsed = answerShape.safeParse(parseJson(body))
  const credentials = parsed.data?.credentialSet[0]?.credentials
  if (credentials === undefined) {
    throw pluginError("BAD_RESPONSE", "Roles Anywhere returned an incomplete session.", "Check the endpoint.")
  }
  const { expiration, ...keys } = credentials
  const requestId = headers["x-amzn-requestid"]
  return {
    ...keys,
    expiresAtMs: Date.parse(expiration),
    ...(requestId === undefined ? {} : { backendRequestId: requestId }),
  }
}

/** The service names its errors in a header, if at all. */
function refused({ status, headers }: HttpResponse) {
  const named = headers["x-amzn-errortype"]?.split(":")[0]
  const name = named ?? (status === 403 ? "AccessDeniedException" : status === 404 ? "ResourceNotFoundException" : "")
  return rolesAnywhereError(name, status)
}

function signedHeaders(
  { region, clock }: RolesAnywherePlace,
  { leaf, chain, privateKey }: ClientCertificate,
  host: string,
  query: string,
  body: string,
): Readonly<Record<string, string>> {
  const date = new Date(clock.nowMs()).toISOString().replaceAll(/[-:]|\.\d{3}/g, "")
  const scope = `${date.slice(0, 8)}/${region}/rolesanywhere/aws4_request`
  const signed: Readonly<Record<string, string>> = {
    "content-type": contentType,
    host,
    "x-amz-date": date,
    "x-amz-x509": leaf.raw.toString("base64"),
    ...(chain.length === 0 ? {} : { "x-amz-x509-chain": chain.map(({ raw }) => raw.toString("base64")).join(",") }),
  }
  const names = Object.keys(signed).sort()
  const canonical = [
    "POST",
    path,
    query,
    ...names.map((name) => `${name}:${signed[name]}`),
    "",
    names.join(";"),
    hash(body),
  ]
  const algorithm = algorithmOf(privateKey)
  const text = [algorithm, date, scope, hash(canonical.join("\n"))].join("\n")
  const signature = sign("sha256", Buffer.from(text), privateKey).toString("hex")
  const { host: _, ...sent } = signed
  return {
    ...sent,
    authorization: `${algorithm} Credential=${serialOf(leaf)}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
  }
}

function algorithmOf(key: KeyObject): string {
  return key.asymmetricKeyType === "rsa" ? "AWS4-X509-RSA-SHA256" : "AWS4-X509-ECDSA-SHA256"
}

function serialOf({ serialNumber }: X509Certificate): string {
  return BigInt(`0x${serialNumber}`).toString()
}

function canonicalQuery(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join("&")
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined // not JSON: the caller reports it
  }
}
