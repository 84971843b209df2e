import { verify, X509Certificate } from "node:crypto"
import * as z from "zod"
import { AwsError } from "./aws-error.ts"
import type { Iam } from "./iam.ts"
import type { AwsAnswer, AwsRequest } from "./request.ts"
import { readAuthorization, requireRecent, stringToSign } from "./signature.ts"

/** A trust anchor with the profile and the roles that its certificates can obtain. */
export interface TrustAnchor {
  readonly trustAnchorArn: string
  readonly profileArn: string
  readonly roleArns: readonly string[]
  /** Certificate of the authority, PEM. */
  readonly certificateAuthority: string
}

const wish = z.looseObject({ durationSeconds: z.int().min(900).max(43_200).default(3600) })

/** Answers CreateSession. @throws {AwsError} AccessDeniedException */
export function createSession(
  request: AwsRequest,
  { iam, trustAnchors, nowMs }: { iam: Iam; trustAnchors: readonly TrustAnchor[]; nowMs: () => number },
): AwsAnswer {
  const query = Object.fromEntries(request.query)
  const anchor = trustAnchors.find(({ trustAnchorArn }) => trustAnchorArn === query.trustAnchorArn)
  const roleArn = query.roleArn ?? ""
  if (anchor === undefined || anchor.profileArn !== query.profileArn || !anchor.roleArns.includes(roleArn)) {
    throw denied("Unable to assume role")
  }
  const leaf = requireCertificate(request, anchor, nowMs())
  const { durationSeconds } = wish.parse(JSON.parse(request.body.toString("utf8") || "{}"))
  const serial = BigInt(`0x${leaf.serialNumber}`).toString()
  const { accessKeyId, secretAccessKey, sessionToken, expiresAtMs } = iam.assume(roleArn, serial, durationSeconds, {
    action: "sts:AssumeRole",
    principal: ["Service", "rolesanywhere.amazonaws.com"],
    context: { "aws:SourceArn": anchor.trustAnchorArn, "aws:PrincipalTag/x509Subject/CN": commonName(leaf) },
  })
  const credentials = { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(expiresAtMs).toISOString() }
  const body = JSON.stringify({ credentialSet: [{ roleArn, credentials }] })
  return { status: 201, contentType: "application/json", body }
}

function requireCertificate(request: AwsRequest, anchor: TrustAnchor, nowMs: number): X509Certificate {
  const authorization = readAuthorization(request)
  const leaf = certificate(request.headers["x-amz-x509"])
  const isRsa = leaf.publicKey.asymmetricKeyType === "rsa"
  const algorithm = isRsa ? "AWS4-X509-RSA-SHA256" : "AWS4-X509-ECDSA-SHA256"
  if (authorization.algorithm !== algorithm) throw denied("Unsupported signing algorithm")
  if (BigInt(authorization.credential) !== BigInt(`0x${leaf.serialNumber}`)) throw denied("Serial number mismatch")
  if (!authorization.signedHeaders.includes("x-amz-x509")) throw denied("x-amz-x509 must be signed")
  requireRecent(request, nowMs)
  const signed = Buffer.from(stringToSign(request, authorization))
  if (!verify("sha256", signed, leaf.publicKey, Buffer.from(authorization.signature, "hex"))) {
    throw denied("Signature verification failed")
  }
  requireChain([leaf, ...chainOf(request)], new X509Certificate(anchor.certificateAuthority), nowMs)
  return leaf
}

function requireChain(chain: readonly X509Certificate[], authority: X509Certificate, nowMs: number): void {
  for (const [index, each] of chain.entries()) {
    const issuer = chain[index + 1] ?? authority
    if (!each.checkIssued(issuer) || !each.verify(issuer.publicKey))
      throw denied("Untrusted certificate. Insufficient certificate")
    const isValid = Date.parse(each.validFrom) <= nowMs && Date.parse(each.validTo) > nowMs
    if (!isValid) throw denied("Certificate is expired or not yet valid")
  }
}

function chainOf({ headers }: AwsRequest): X509Certificate[] {
  const given = headers["x-amz-x509-chain"]
  return given === undefined ? [] : given.split(",").map((each) => certificate(each.trim()))
}

function certificate(base64 = ""): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(base64, "base64"))
  } catch {
    throw denied("The certificate cannot be read")
  }
}

function commonName({ subject }: X509Certificate): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? ""
}

function denied(message: string): AwsError {
  return new AwsError("AccessDeniedException", message, 403)
}
