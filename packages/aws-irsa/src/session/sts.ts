import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { Credentials } from "@aws-sdk/client-sts"
import { stsError } from "../errors.ts"
import { type SdkHttpOptions, sdkHttpHandler } from "../sdk-http-handler.ts"
import { sdkSettings } from "../sdk-settings.ts"
import type { AwsSession } from "./session.ts"

/** Place of STS, and the way to reach it. */
export interface StsPlace extends SdkHttpOptions {
  readonly endpoint: string
  readonly region: string
}

interface RoleRequest {
  readonly roleArn: string
  readonly sessionName: string
}

/** Exchanges a web identity token for a session of a role. @throws {PluginError} any code of a keystore failure */
export async function assumeRoleWithWebIdentity(
  place: StsPlace,
  { roleArn, sessionName, token }: RoleRequest & { readonly token: string },
  call: CallOptions,
): Promise<AwsSession> {
  const { STSClient, AssumeRoleWithWebIdentityCommand } = await import("@aws-sdk/client-sts")
  // The SDK requires credentials even for this unsigned operation.
  const client = new STSClient({ ...settings(place, call), credentials: noCredentials })
  const input = { RoleArn: roleArn, RoleSessionName: sessionName, WebIdentityToken: token }
  return exchanged(() => client.send(new AssumeRoleWithWebIdentityCommand(input), { abortSignal: call.signal }))
}

/** Assumes a role with the session of another role. @throws {PluginError} any code of a keystore failure */
export async function assumeRole(
  place: StsPlace,
  base: AwsSession,
  { roleArn, sessionName, externalId }: RoleRequest & { readonly externalId: string },
  call: CallOptions,
): Promise<AwsSession> {
  const { STSClient, AssumeRoleCommand } = await import("@aws-sdk/client-sts")
  const { accessKeyId, secretAccessKey, sessionToken } = base
  const client = new STSClient({
    ...settings(place, call),
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  })
  const input = { RoleArn: roleArn, RoleSessionName: sessionName, ExternalId: externalId }
  return exchanged(() => client.send(new AssumeRoleCommand(input), { abortSignal: call.signal }))
}

const noCredentials = { accessKeyId: "none", secretAccessKey: "none" }

function settings({ endpoint, region, ...sending }: StsPlace, call: CallOptions) {
  return { ...sdkSettings, endpoint, region, requestHandler: sdkHttpHandler(sending, call) }
}

interface ExchangeAnswer {
  readonly Credentials?: Credentials | undefined
  readonly $metadata: { readonly requestId?: string | undefined }
}

async function exchanged(send: () => Promise<ExchangeAnswer>): Promise<AwsSession> {
  const { Credentials: given, $metadata } = await send().catch((error: unknown) => {
    throw stsError(error)
  })
  const {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration,
  } = given ?? {}
  if (!accessKeyId || !secretAccessKey || !sessionToken || Expiration === undefined) {
    throw pluginError("BAD_RESPONSE", "STS returned an incomplete session.", "Check the STS endpoint.")
  }
  const { requestId } = $metadata
  return {
    ...{ accessKeyId, secretAccessKey, sessionToken, expiresAtMs: Expiration.getTime() },
    ...(requestId === undefined ? {} : { backendRequestId: requestId }),
  }
}
