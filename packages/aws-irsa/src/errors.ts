import { type ErrorOrigin, isPluginError, type PluginError, type PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { pluginError, retryAfterMs, scrubbedCause } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

/** One row: an error of AWS and its meaning. */
export interface AwsErrorMeaning {
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
  readonly origin?: ErrorOrigin
  readonly retryable?: boolean
}

const clock = "Set the clock of this host by NTP: AWS refuses signatures that are more than 5 minutes off."
const busy: AwsErrorMeaning = {
  code: "UNREACHABLE",
  message: "AWS KMS reports an internal failure.",
  nextStep: "Wait; check the AWS Health Dashboard if it persists.",
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
  nextStep: "Run the connection test, which shows the exchange that fails; check the role's trust policy.",
}
const unfitKey: AwsErrorMeaning = {
  code: "KEY_UNSUITABLE",
  message: "The key cannot wrap keys.",
  nextStep: "Use a symmetric key (SYMMETRIC_DEFAULT) whose usage is ENCRYPT_DECRYPT.",
}
const rejected: AwsErrorMeaning = {
  code: "CIPHERTEXT_REJECTED",
  message: "AWS KMS refuses the ciphertext: it is altered, or belongs to another context or key.",
  nextStep: "Use the ciphertext with the tenant, key and version that it was created for.",
}
const importRefused: AwsErrorMeaning = {
  code: "INVALID_REQUEST",
  message: "AWS KMS does not accept this key material with these import parameters.",
  nextStep: "Get new import parameters, wrap the same 32 bytes with their public key, and import again.",
}

/** Errors of KMS by name. Source: AWS KMS API Reference, "Common errors" and the errors of each action. */
export const kmsErrors: Readonly<Record<string, AwsErrorMeaning>> = {
  AccessDeniedException: {
    code: "DENIED",
    message: "The role may not perform this action on the key.",
    nextStep:
      "Grant the role the action that the connection test names; the key policy must delegate to the account's IAM policies.",
  },
  NotFoundException: {
    code: "KEY_NOT_FOUND",
    message: "AWS KMS has no such key in this region and account.",
    nextStep: "Check kms_key_id and region; name a key of another account by its ARN.",
  },
  DisabledException: {
    code: "KEY_DISABLED",
    message: "The key is disabled in AWS KMS.",
    nextStep: "Enable it (`aws kms enable-key`); service resumes within the lease.",
  },
  KeyUnavailableException: { ...busy, message: "The key is currently not available." },
  KMSInternalException: busy,
  InternalFailure: busy,
  InternalServerError: busy,
  InternalServiceError: busy,
  ServiceUnavailable: busy,
  ServiceUnavailableException: busy,
  DependencyTimeoutException: { ...busy, message: "AWS KMS timed out on a service that it depends on." },
  CustomKeyStoreInvalidStateException: { ...busy, message: "The key's custom key store is not connected." },
  CloudHsmClusterInvalidConfigurationException: { ...busy, message: "The key's CloudHSM cluster is not usable." },
  XksProxyUriUnreachableException: { ...busy, message: "The key's external key store cannot be reached." },
  ThrottlingException: throttled,
  Throttling: throttled,
  RequestLimitExceeded: throttled,
  TooManyRequestsException: throttled,
  LimitExceededException: {
    code: "INVALID_REQUEST",
    message: "A quota of AWS KMS is used up, e.g. for on-demand rotations or keys.",
    nextStep: "Have the quota raised; after 25 on-demand rotations of a key, create a new one.",
  },
  InvalidCiphertextException: rejected,
  IncorrectKeyException: rejected,
  InvalidKeyUsageException: unfitKey,
  UnsupportedOperationException: {
    ...unfitKey,
    message: "AWS KMS does not offer this operation for this kind of key.",
  },
  InvalidArnException: {
    code: "INVALID_REQUEST",
    message: "AWS KMS does not accept kms_key_id as the name of a key.",
    nextStep: "Enter the key's ARN.",
  },
  ValidationException: {
    code: "INVALID_REQUEST",
    message: "AWS KMS reports a malformed request.",
    nextStep: "Check kms_key_id; report the error if the key's ARN is correct.",
  },
  IncorrectKeyMaterialException: importRefused,
  InvalidImportTokenException: importRefused,
  ExpiredImportTokenException: {
    ...importRefused,
    message: "The import parameters have expired: they are valid for 24 hours.",
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
    message: "The role's trust policy does not allow assuming it.",
    nextStep: `${exchange} It must name this principal and the same external_id.`,
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
    nextStep: "Check that the kubelet renews the projected token, and that tokenFile names it.",
  },
  RegionDisabledException: {
    code: "DENIED",
    message: "STS is not activated for the account in this region.",
    nextStep: "Activate STS for the region in the account's IAM settings, or set webIdentity.region.",
  },
  SignatureDoesNotMatch: { ...notSigned, message: "AWS does not accept the signature.", nextStep: clock },
  InvalidClientTokenId: notSigned,
  ValidationError: {
    code: "INVALID_REQUEST",
    message: "AWS reports a malformed request for a session.",
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
    message: "AWS reports a malformed request for a session.",
    nextStep: "Check role_arn, trust_anchor_arn and profile_arn.",
  },
  ThrottlingException: throttled,
  InternalServerException: busy,
}

/** Errors for a session that AWS no longer accepts. */
const sessionGone: readonly string[] = ["ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"]

/** Tells whether a new session could help. */
export function isSessionGone(error: unknown): boolean {
  return sessionGone.includes(nameOf(error))
}

/** Translates the rejection of a KMS call. */
export function kmsError(error: unknown): PluginError {
  return isState(error) ? stateError(error) : translated(error, kmsErrors)
}

/** Translates the rejection of an exchange with STS. */
export function stsError(error: unknown): PluginError {
  return translated(error, stsErrors)
}

/** Translates a failure of Roles Anywhere. @param name - name of the error; empty when the answer has none */
export function rolesAnywhereError(name: string, status: number): PluginError {
  return translated(Object.assign(new Error(), { name, $metadata: { httpStatusCode: status } }), rolesAnywhereErrors)
}

function translated(error: unknown, table: Readonly<Record<string, AwsErrorMeaning>>): PluginError {
  if (isPluginError(error)) return error
  const name = nameOf(error)
  // For some STS errors the SDK uses its own name with another ending.
  const known = [name, name.replace(/Exception$/, "")].find((each) => Object.hasOwn(table, each))
  const row = known === undefined ? statusRow(error) : table[known]
  const { code, message, nextStep, ...facts } = row ?? unknownAnswer
  const wait = code === "THROTTLED" ? waitOf(error) : undefined
  const patience = wait === undefined ? {} : { retryAfterMs: wait }
  return pluginError(code, message, nextStep, { ...facts, ...patience, cause: scrubbedCause(error) })
}

const answerOf = z.looseObject({ $response: z.looseObject({ headers: z.record(z.string(), z.string()) }) })

/** The SDK attaches the answer to its error. */
function waitOf(error: unknown): number | undefined {
  const { data } = answerOf.safeParse(error)
  return data === undefined ? undefined : retryAfterMs(data.$response.headers)
}

const unknownAnswer: AwsErrorMeaning = {
  code: "BAD_RESPONSE",
  message: "AWS returned an unexpected answer.",
  nextStep: "Check the endpoints and the proxy; report the error if they are correct.",
}

function statusRow(error: unknown): AwsErrorMeaning | undefined {
  const status = statusOf(error)
  if (status === 429) return throttled
  return status >= 500 ? busy : undefined
}

/** KMS states the key's state only in the message: "... is pending deletion." */
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
  const next = "Check the state of the key (`aws kms describe-key`)."
  return pluginError("KEY_UNSUITABLE", "The key's state does not allow this operation.", next, { cause })
}

/** Returns the name of a service's error; empty for a value that is not an `Error`. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : ""
}

function statusOf(error: unknown): number {
  const metadata = error instanceof Error && "$metadata" in error ? error.$metadata : undefined
  const status =
    typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata ? metadata.httpStatusCode : 0
  return typeof status === "number" ? status : 0
}
