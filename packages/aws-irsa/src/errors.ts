import { type ErrorOrigin, isPluginError, type PluginError, type PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { pluginError, retryAfterMs, scrubbedCause } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

/** One row: an error of AWS, and what it means here. */
export interface AwsErrorMeaning {
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
  readonly origin?: ErrorOrigin
  readonly retryable?: boolean
}

const clock = "Set the clock of this host by NTP: AWS refuses what is signed more than 5 minutes off."
const busy: AwsErrorMeaning = {
  code: "UNREACHABLE",
  message: "AWS KMS has a fault of its own.",
  nextStep: "Wait; see the AWS Health Dashboard when it goes on.",
  origin: "backend",
  retryable: true,
}
const throttled: AwsErrorMeaning = {
  code: "THROTTLED",
  message: "AWS limits the rate of requests.",
  nextStep: "Wait, or have the KMS request quota of the account raised.",
}
const notSigned: AwsErrorMeaning = {
  code: "CREDENTIAL_REJECTED",
  message: "AWS does not accept the session.",
  nextStep: "Run the connection test: it shows which exchange fails. Look at the role's trust policy.",
}
const unfitKey: AwsErrorMeaning = {
  code: "KEY_UNSUITABLE",
  message: "The key is not of the kind that wraps keys.",
  nextStep: "Use a symmetric key (SYMMETRIC_DEFAULT) whose usage is ENCRYPT_DECRYPT.",
}
const rejected: AwsErrorMeaning = {
  code: "CIPHERTEXT_REJECTED",
  message: "AWS KMS refuses the ciphertext: it is altered, or of another context or key.",
  nextStep: "Use the ciphertext with the tenant, key and version that it was made for.",
}
const importRefused: AwsErrorMeaning = {
  code: "INVALID_REQUEST",
  message: "AWS KMS does not take this key material with these import parameters.",
  nextStep: "Get new import parameters, wrap the same 32 bytes by their public key, and import once more.",
}

/** Errors of KMS by name. Source: AWS KMS API Reference, "Common errors" and the errors of each action. */
export const kmsErrors: Readonly<Record<string, AwsErrorMeaning>> = {
  AccessDeniedException: {
    code: "DENIED",
    message: "The role may not do this with the key.",
    nextStep:
      "Give the role the action that the connection test names; the key's own policy must let the account's IAM policies decide.",
  },
  NotFoundException: {
    code: "KEY_NOT_FOUND",
    message: "AWS KMS has no such key in this region and account.",
    nextStep: "Check kms_key_id and region; a key of another account is named by its ARN.",
  },
  DisabledException: {
    code: "KEY_DISABLED",
    message: "The key is disabled in AWS KMS.",
    nextStep: "Enable it (`aws kms enable-key`); service resumes within the lease.",
  },
  KeyUnavailableException: { ...busy, message: "The key is not available at the moment." },
  KMSInternalException: busy,
  InternalFailure: busy,
  InternalServerError: busy,
  InternalServiceError: busy,
  ServiceUnavailable: busy,
  ServiceUnavailableException: busy,
  DependencyTimeoutException: { ...busy, message: "AWS KMS timed out on something that it depends on." },
  CustomKeyStoreInvalidStateException: { ...busy, message: "The key's custom key store is not connected." },
  CloudHsmClusterInvalidConfigurationException: { ...busy, message: "The key's CloudHSM cluster is not usable." },
  XksProxyUriUnreachableException: { ...busy, message: "The key's external key store cannot be reached." },
  ThrottlingException: throttled,
  Throttling: throttled,
  RequestLimitExceeded: throttled,
  TooManyRequestsException: throttled,
  LimitExceededException: {
    code: "INVALID_REQUEST",
    message: "A quota of AWS KMS is used up, e.g. of on-demand rotations or of keys.",
    nextStep: "Have the quota raised; a key can be rotated on demand 25 times, then make a new one.",
  },
  InvalidCiphertextException: rejected,
  IncorrectKeyException: rejected,
  InvalidKeyUsageException: unfitKey,
  UnsupportedOperationException: {
    ...unfitKey,
    message: "The key is of a kind for which AWS KMS does not offer this operation.",
  },
  InvalidArnException: {
    code: "INVALID_REQUEST",
    message: "AWS KMS does not take kms_key_id for the name of a key.",
    nextStep: "Write the key's ARN.",
  },
  ValidationException: {
    code: "INVALID_REQUEST",
    message: "AWS KMS finds the request malformed.",
    nextStep: "Check kms_key_id; report it when the key's ARN is right.",
  },
  IncorrectKeyMaterialException: importRefused,
  InvalidImportTokenException: importRefused,
  ExpiredImportTokenException: {
    ...importRefused,
    message: "The import parameters have expired: they hold for 24 hours.",
  },
  ExpiredTokenException: { ...notSigned, message: "The session has expired." },
  UnrecognizedClientException: notSigned,
  InvalidClientTokenId: notSigned,
  MissingAuthenticationToken: notSigned,
  IncompleteSignature: notSigned,
  InvalidSignatureException: { ...notSigned, message: "AWS does not accept the signature.", nextStep: clock },
  NotAuthorized: notSigned,
  OptInRequired: { ...notSigned, code: "DENIED", message: "The account has not opted in to this service or region." },
}

const exchange = "Compare the trust policy of the role with the one in the set-up material."

/** Errors of the exchange for a session by name. Source: AWS STS API Reference. */
export const stsErrors: Readonly<Record<string, AwsErrorMeaning>> = {
  AccessDenied: {
    code: "CREDENTIAL_REJECTED",
    message: "The role's trust policy does not let it be assumed.",
    nextStep: `${exchange} It must name this principal, and the same external_id.`,
  },
  InvalidIdentityToken: {
    code: "CREDENTIAL_REJECTED",
    message: "AWS does not accept the web identity token.",
    nextStep:
      "Register the cluster's issuer as an OIDC provider of the account, with the audience of the token (sts.amazonaws.com).",
  },
  IDPRejectedClaim: {
    ...notSigned,
    message: "The issuer of the web identity token refuses its claims.",
    nextStep: exchange,
  },
  IDPCommunicationError: { ...busy, message: "AWS cannot reach the issuer of the web identity token." },
  ExpiredTokenException: {
    code: "CREDENTIAL_REJECTED",
    message: "The web identity token or the session has expired.",
    nextStep: "See that the kubelet renews the projected token, and that tokenFile names it.",
  },
  RegionDisabledException: {
    code: "DENIED",
    message: "STS is not activated in this region for the account.",
    nextStep: "Activate STS for the region in the account's IAM settings, or set webIdentity.region.",
  },
  SignatureDoesNotMatch: { ...notSigned, message: "AWS does not accept the signature.", nextStep: clock },
  InvalidClientTokenId: notSigned,
  ValidationError: {
    code: "INVALID_REQUEST",
    message: "AWS finds the request for a session malformed.",
    nextStep: "Check role_arn and external_id.",
  },
  Throttling: throttled,
  ServiceUnavailable: busy,
  InternalFailure: busy,
}

/** Errors of CreateSession by name. Source: IAM Roles Anywhere API Reference. */
export const rolesAnywhereErrors: Readonly<Record<string, AwsErrorMeaning>> = {
  AccessDeniedException: {
    code: "CREDENTIAL_REJECTED",
    message: "IAM Roles Anywhere does not accept the certificate for this role.",
    nextStep: `${exchange} Trust anchor, profile and role must belong together, and the anchor must have issued the certificate.`,
  },
  ResourceNotFoundException: {
    code: "CREDENTIAL_REJECTED",
    message: "IAM Roles Anywhere has no such trust anchor or profile.",
    nextStep: "Check trust_anchor_arn and profile_arn.",
  },
  ValidationException: {
    code: "INVALID_REQUEST",
    message: "AWS finds the request for a session malformed.",
    nextStep: "Check role_arn, trust_anchor_arn and profile_arn.",
  },
  ThrottlingException: throttled,
  InternalServerException: busy,
}

/** Errors by which AWS says that a session is not good any more. */
const sessionGone: readonly string[] = ["ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"]

/** Tells whether a new session may help. */
export function isSessionGone(error: unknown): boolean {
  return sessionGone.includes(nameOf(error))
}

/** Translates what a call of KMS was rejected with. */
export function kmsError(error: unknown): PluginError {
  return isState(error) ? stateError(error) : translated(error, kmsErrors)
}

/** Translates what an exchange with STS was rejected with. */
export function stsError(error: unknown): PluginError {
  return translated(error, stsErrors)
}

/** Translates an answer of Roles Anywhere that is no session. @param name - of the error, where one was said */
export function rolesAnywhereError(name: string, status: number): PluginError {
  return translated(Object.assign(new Error(), { name, $metadata: { httpStatusCode: status } }), rolesAnywhereErrors)
}

function translated(error: unknown, table: Readonly<Record<string, AwsErrorMeaning>>): PluginError {
  if (isPluginError(error)) return error
  const name = nameOf(error)
  // For some errors of STS the SDK has a name of its own, with another end.
  const known = [name, name.replace(/Exception$/, "")].find((each) => Object.hasOwn(table, each))
  const row = known === undefined ? statusRow(error) : table[known]
  const { code, message, nextStep, ...facts } = row ?? unknownAnswer
  const wait = code === "THROTTLED" ? waitOf(error) : undefined
  const patience = wait === undefined ? {} : { retryAfterMs: wait }
  return pluginError(code, message, nextStep, { ...facts, ...patience, cause: scrubbedCause(error) })
}

const answerOf = z.looseObject({ $response: z.looseObject({ headers: z.record(z.string(), z.string()) }) })

/** The SDK keeps the answer beside its error. */
function waitOf(error: unknown): number | undefined {
  const { data } = answerOf.safeParse(error)
  return data === undefined ? undefined : retryAfterMs(data.$response.headers)
}

const unknownAnswer: AwsErrorMeaning = {
  code: "BAD_RESPONSE",
  message: "AWS answered in a way that the plugin does not know.",
  nextStep: "Check the endpoints and the proxy; report it when they are right.",
}

function statusRow(error: unknown): AwsErrorMeaning | undefined {
  const status = statusOf(error)
  if (status === 429) return throttled
  return status >= 500 ? busy : undefined
}

/** KMS says the state in words alone: "... is pending deletion." */
function isState(error: unknown): error is Error {
  return nameOf(error) === "KMSInvalidStateException"
}

function stateError(error: Error): PluginError {
  const cause = scrubbedCause(error)
  if (/pending ?deletion/i.test(error.message)) {
    const next = "Cancel the deletion (`aws kms cancel-key-deletion`, then enable-key), or move to another key."
    return pluginError("KEY_PENDING_DELETION", "The key is scheduled for deletion.", next, { cause })
  }
  if (/pending ?import/i.test(error.message)) {
    const next = "Import the key's material."
    return pluginError("KEY_UNSUITABLE", "The key has no material: it was never imported, or has expired.", next, {
      cause,
    })
  }
  const next = "Look at the state of the key (`aws kms describe-key`)."
  return pluginError("KEY_UNSUITABLE", "The key's state does not allow this.", next, { cause })
}

/** Name of a service's error; the empty text for what is none. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : ""
}

function statusOf(error: unknown): number {
  const metadata = error instanceof Error && "$metadata" in error ? error.$metadata : undefined
  const status =
    typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata ? metadata.httpStatusCode : 0
  return typeof status === "number" ? status : 0
}
