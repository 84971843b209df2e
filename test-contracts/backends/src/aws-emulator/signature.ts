import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { AwsError } from "./aws-error.ts"
import type { AwsRequest } from "./request.ts"

/** The parts of an `Authorization` header (Signature Version 4, and its variant for X.509). */
export interface Authorization {
  readonly algorithm: string
  /** Access key id, or serial number of a certificate. */
  readonly credential: string
  readonly date: string
  readonly region: string
  readonly service: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

const longestSkewMs = 5 * 60_000
const form =
  /^(AWS4-[A-Z0-9-]+) Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/

/** @throws {AwsError} the header is missing or malformed */
export function readAuthorization({ headers }: AwsRequest): Authorization {
  const parts = form.exec(headers.authorization ?? "")
  if (parts === null) throw new AwsError("MissingAuthenticationToken", "Missing Authentication Token", 403)
  const [, algorithm = "", credential = "", date = "", region = "", service = "", names = "", signature = ""] = parts
  return { algorithm, credential, date, region, service, signedHeaders: names.split(";"), signature }
}

/** Builds the string to sign of Signature Version 4: the hashed canonical request with its date and scope. */
export function stringToSign(request: AwsRequest, { algorithm, date, region, service, signedHeaders }: Authorization) {
  const canonical = [
    request.method,
    request.path,
    canonicalQuery(request.query),
    ...signedHeaders.map((name) => `${name}:${(request.headers[name] ?? "").trim().replaceAll(/ +/g, " ")}`),
    "",
    signedHeaders.join(";"),
    sha256(request.body),
  ].join("\n")
  return [
    algorithm,
    request.headers["x-amz-date"] ?? "",
    `${date}/${region}/${service}/aws4_request`,
    sha256(Buffer.from(canonical)),
  ].join("\n")
}

/** @throws {AwsError} the signature was made by another secret, for another request, or at another time */
export function requireSignature(
  request: AwsRequest,
  authorization: Authorization,
  secretAccessKey: string,
  nowMs: number,
): void {
  if (!authorization.signedHeaders.includes("host")) throw mismatch("host must be a signed header")
  requireRecent(request, nowMs)
  const { date, region, service } = authorization
  const key = [date, region, service, "aws4_request"].reduce<Buffer>(
    (parent, part) => createHmac("sha256", parent).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  )
  const expected = createHmac("sha256", key).update(stringToSign(request, authorization)).digest()
  const given = Buffer.from(authorization.signature, "hex")
  if (given.length === expected.length && timingSafeEqual(given, expected)) return
  throw mismatch("The request signature we calculated does not match the signature you provided.")
}

/** @throws {AwsError} the date of the request is too far from the emulator's clock */
export function requireRecent({ headers }: AwsRequest, nowMs: number): void {
  const signedAtMs = parseDate(headers["x-amz-date"] ?? "")
  if (signedAtMs < nowMs - longestSkewMs) throw mismatch("Signature expired: it is earlier than the server's time.")
  if (signedAtMs > nowMs + longestSkewMs)
    throw mismatch("Signature not yet current: it is later than the server's time.")
}

function parseDate(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (parts === null) throw mismatch("X-Amz-Date is missing or malformed")
  const [, year, month, day, hour, minute, second] = parts
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

function canonicalQuery(query: AwsRequest["query"]): string {
  return query
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&")
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

function mismatch(message: string): AwsError {
  return new AwsError("InvalidSignatureException", message, 403)
}
