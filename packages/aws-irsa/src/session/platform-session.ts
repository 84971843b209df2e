import { readFile } from "node:fs/promises"
import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import { pluginError, scrubbedCause } from "@apeiro-cmk/plugin-sdk"
import type { PluginConfiguration } from "../config.ts"
import type { AwsSession } from "./session.ts"
import { assumeRoleWithWebIdentity, type StsPlace } from "./sts.ts"

const longestToken = 20_000 // limit of STS

/**
 * Opens a session of the platform's role with the web identity token of this host's service account. Reads the file
 * each time, because the kubelet replaces it.
 *
 * @throws {PluginError} CREDENTIAL_REJECTED - there is no usable token, or AWS does not accept it
 */
export async function openPlatformSession(
  place: StsPlace,
  { tokenFile, roleArn }: NonNullable<PluginConfiguration["webIdentity"]>,
  sessionName: string,
  call: CallOptions,
): Promise<AwsSession> {
  const token = await readToken(tokenFile)
  return assumeRoleWithWebIdentity(place, { roleArn, sessionName, token }, call)
}

async function readToken(file: string): Promise<string> {
  const next =
    "Check that the service account token is projected into the pod, and that webIdentity.tokenFile names it."
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const message = "The file of the web identity token cannot be read."
    throw pluginError("CREDENTIAL_REJECTED", message, next, { origin: "host", cause: scrubbedCause(error) })
  })
  const token = text.trim()
  if (token !== "" && token.length <= longestToken) return token
  throw pluginError("CREDENTIAL_REJECTED", "The file of the web identity token does not contain a token.", next, {
    origin: "host",
  })
}
