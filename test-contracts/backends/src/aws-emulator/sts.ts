import { randomUUID } from "node:crypto"
import { AwsError } from "./aws-error.ts"
import type { Iam, Session } from "./iam.ts"
import type { AwsAnswer, AwsRequest } from "./request.ts"
import { type IdentityProvider, verifyToken } from "./web-identity-token.ts"

const defaultSeconds = 3600
const sessionNameForm = /^[\w+=,.@-]{2,64}$/

/** Services that STS receives from the emulator. */
export interface StsOptions {
  readonly iam: Iam
  readonly providers: readonly IdentityProvider[]
  readonly nowMs: () => number
  /** Called for each requested exchange. */
  readonly onExchange: (action: string, parameters: URLSearchParams) => void
}

/** Answers one request in STS's query protocol. @throws {AwsError} */
export function answerSts(request: AwsRequest, options: StsOptions): AwsAnswer {
  const parameters = new URLSearchParams(request.body.toString("utf8"))
  const action = parameters.get("Action") ?? ""
  options.onExchange(action, parameters)
  if (action === "AssumeRoleWithWebIdentity") return answer(action, byWebIdentity(parameters, options))
  if (action === "AssumeRole") return answer(action, byRole(request, parameters, options))
  if (action === "GetCallerIdentity") {
    const { roleArn, sessionName } = options.iam.authenticate(request, "sts")
    return answer(action, `<Account>${roleArn.split(":")[4]}</Account><Arn>${assumedArn(roleArn, sessionName)}</Arn>`)
  }
  throw new AwsError("InvalidAction", `Could not find operation ${action}`)
}

function byWebIdentity(parameters: URLSearchParams, { iam, providers, nowMs }: StsOptions): string {
  const claims = verifyToken(parameters.get("WebIdentityToken") ?? "", providers, nowMs())
  const roleArn = parameters.get("RoleArn") ?? ""
  const issuer = claims.iss.replace(/^https:\/\//, "")
  const session = iam.assume(roleArn, sessionName(parameters), seconds(parameters), {
    action: "sts:AssumeRoleWithWebIdentity",
    principal: ["Federated", `arn:aws:iam::${roleArn.split(":")[4]}:oidc-provider/${issuer}`],
    context: { [`${issuer}:aud`]: claims.aud, [`${issuer}:sub`]: claims.sub },
  })
  return `<SubjectFromWebIdentityToken>${claims.sub}</SubjectFromWebIdentityToken>${credentials(session)}`
}

function byRole(request: AwsRequest, parameters: URLSearchParams, { iam }: StsOptions): string {
  const caller = iam.authenticate(request, "sts")
  const roleArn = parameters.get("RoleArn") ?? ""
  const externalId = parameters.get("ExternalId")
  iam.authorize(caller, { action: "sts:AssumeRole", resource: roleArn, context: {} })
  const session = iam.assume(roleArn, sessionName(parameters), seconds(parameters), {
    action: "sts:AssumeRole",
    principal: ["AWS", caller.roleArn],
    context: externalId === null ? {} : { "sts:ExternalId": externalId },
  })
  return credentials(session)
}

function sessionName(parameters: URLSearchParams): string {
  const name = parameters.get("RoleSessionName") ?? ""
  if (sessionNameForm.test(name)) return name
  throw new AwsError("ValidationError", "Value at 'roleSessionName' failed to satisfy constraint")
}

function seconds(parameters: URLSearchParams): number {
  const given = Number(parameters.get("DurationSeconds") ?? defaultSeconds)
  if (given >= 900 && given <= 43_200) return given
  throw new AwsError("ValidationError", "The requested DurationSeconds is out of bounds")
}

function credentials({ accessKeyId, secretAccessKey, sessionToken, expiresAtMs, roleArn, sessionName: name }: Session) {
  return [
    `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>`,
    `<SessionToken>${sessionToken}</SessionToken><Expiration>${new Date(expiresAtMs).toISOString()}</Expiration></Credentials>`,
    `<AssumedRoleUser><Arn>${assumedArn(roleArn, name)}</Arn><AssumedRoleId>AROA:${name}</AssumedRoleId></AssumedRoleUser>`,
  ].join("")
}

function assumedArn(roleArn: string, name: string): string {
  return `${roleArn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")}/${name}`
}

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

function answer(action: string, result: string): AwsAnswer {
  const metadata = `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`
  const body = `<${action}Response xmlns="${namespace}"><${action}Result>${result}</${action}Result>${metadata}</${action}Response>`
  return { status: 200, contentType: "text/xml", body }
}

/** An error in STS's own form. */
export function stsError({ code, message, status }: AwsError): AwsAnswer {
  const fault = `<Error><Type>Sender</Type><Code>${stsCodes[code] ?? code}</Code><Message>${message}</Message></Error>`
  const body = `<ErrorResponse xmlns="${namespace}">${fault}<RequestId>${randomUUID()}</RequestId></ErrorResponse>`
  return { status, contentType: "text/xml", body }
}

/** The query protocol has different names for some errors. */
const stsCodes: Readonly<Record<string, string>> = {
  AccessDeniedException: "AccessDenied",
  InvalidSignatureException: "SignatureDoesNotMatch",
  UnrecognizedClientException: "InvalidClientTokenId",
}
