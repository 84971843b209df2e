import { randomBytes } from "node:crypto"
import { AwsError } from "./aws-error.ts"
import { isAllowed, type PolicyDocument, type PolicyQuestion, policyDocument } from "./policy.ts"
import type { AwsRequest } from "./request.ts"
import { readAuthorization, requireSignature } from "./signature.ts"

interface Role {
  trust: PolicyDocument
  permissions: PolicyDocument
}

/** Temporary credentials of a role. */
export interface Session {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly roleArn: string
  readonly sessionName: string
  readonly expiresAtMs: number
}

const nothing: PolicyDocument = { Version: "2012-10-17", Statement: [] }

/** Roles with their two policies, and their sessions. There are no static keys. */
export class Iam {
  readonly #roles = new Map<string, Role>()
  readonly #sessions = new Map<string, Session>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Creates a role, or replaces its trust policy. @param trustPolicy - JSON, as `aws iam create-role` takes it */
  putRole(roleArn: string, trustPolicy: string): void {
    const trust = policyDocument.parse(JSON.parse(trustPolicy))
    this.#roles.set(roleArn, { trust, permissions: this.#roles.get(roleArn)?.permissions ?? nothing })
  }

  /** Replaces a role's permissions. @param policy - JSON, as `aws iam put-role-policy` takes it */
  putRolePolicy(roleArn: string, policy: string): void {
    this.#role(roleArn).permissions = policyDocument.parse(JSON.parse(policy))
  }

  /** Ends every session of a role at once, as a policy with `aws:TokenIssueTime` does. */
  revokeSessions(roleArn: string): void {
    for (const [id, session] of this.#sessions) if (session.roleArn === roleArn) this.#sessions.delete(id)
  }

  /** Secrets of every current session, which only the session's owner may know. */
  secrets(): readonly string[] {
    return [...this.#sessions.values()].flatMap(({ secretAccessKey, sessionToken }) => [secretAccessKey, sessionToken])
  }

  /** Opens a session for a role. @throws {AwsError} AccessDenied - its trust policy does not allow it */
  assume(roleArn: string, sessionName: string, seconds: number, question: Omit<PolicyQuestion, "resource">): Session {
    const trust = this.#roles.get(roleArn)?.trust
    if (trust === undefined || !isAllowed(trust, question)) {
      throw new AwsError("AccessDenied", `Not authorized to perform ${question.action}`, 403)
    }
    const session = {
      accessKeyId: `ASIA${randomBytes(10).toString("hex").slice(0, 16).toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString("base64"),
      sessionToken: randomBytes(90).toString("base64"),
      roleArn,
      sessionName,
      expiresAtMs: this.#nowMs() + seconds * 1000,
    }
    this.#sessions.set(session.accessKeyId, session)
    return session
  }

  /** Finds the session that signed a request. @throws {AwsError} the emulator does not know the signer */
  authenticate(request: AwsRequest, service: string): Session {
    const authorization = readAuthorization(request)
    if (authorization.algorithm !== "AWS4-HMAC-SHA256" || authorization.service !== service) {
      throw new AwsError("InvalidSignatureException", `The request is not signed for ${service}`, 403)
    }
    const session = this.#sessions.get(authorization.credential)
    if (session === undefined || request.headers["x-amz-security-token"] !== session.sessionToken) {
      throw new AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
    }
    requireSignature(request, authorization, session.secretAccessKey, this.#nowMs())
    if (session.expiresAtMs <= this.#nowMs()) {
      throw new AwsError("ExpiredTokenException", "The security token included in the request is expired")
    }
    return session
  }

  /** @throws {AwsError} AccessDeniedException */
  authorize({ roleArn, sessionName }: Session, question: PolicyQuestion): void {
    if (isAllowed(this.#role(roleArn).permissions, question)) return
    const who = `${roleArn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")}/${sessionName}`
    const message = `User: ${who} is not authorized to perform: ${question.action} on resource: ${question.resource} because no identity-based policy allows the ${question.action} action`
    throw new AwsError("AccessDeniedException", message)
  }

  #role(roleArn: string): Role {
    const role = this.#roles.get(roleArn)
    if (role === undefined) throw new AwsError("NoSuchEntity", `There is no role ${roleArn}`, 404)
    return role
  }
}
