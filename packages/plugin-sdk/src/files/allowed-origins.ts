import { readFile } from "node:fs/promises"
import path from "node:path"
import type { FileDestination, PluginError } from "@apeiro-cmk/plugin-interface"
import { isAllowedUrl, isEndpointPattern, namesWholeHost } from "../egress/egress-policy.ts"
import { pluginError } from "../errors/error-facts.ts"
import { textBefore } from "./text-before.ts"

/** The operator's file that says to which origins the files of its folder, and of the folders below, may be sent. */
export const allowedOriginsFile = "allowed-origins"

/**
 * Refuses to read a file that would be sent to a server for which it is not meant: whoever may enter a server's address
 * may not thereby get what the operator has put there for another server.
 *
 * @param file - real path, below `top`
 * @param top - the credential directory, as a real path
 * @throws {PluginError} INVALID_REQUEST - a server is not allowed
 */
export async function requireAllowedServers(file: string, top: string, destination: FileDestination): Promise<void> {
  const { servers, allowedEndpoints } = destination
  if (servers.length === 0) return
  const rule = await nearestRule(path.dirname(file), top)
  const origins = rule ?? allowedEndpoints.filter(namesWholeHost)
  for (const server of servers) {
    const url = new URL(server)
    if (!isAllowedUrl(url, { allowedEndpoints: origins })) throw refusedServer(url.origin)
  }
}

async function nearestRule(folder: string, top: string): Promise<readonly string[] | undefined> {
  const text = await readRule(path.join(folder, allowedOriginsFile))
  if (text === undefined) return folder === top ? undefined : nearestRule(path.dirname(folder), top)
  const lines = text.split(/\r?\n/).map((line) => textBefore("#", line))
  const malformed = lines.findIndex((line) => line !== "" && !isEndpointPattern(line))
  if (malformed >= 0) throw malformedRule(malformed + 1)
  return lines.filter((line) => line !== "")
}

/** A rule that is there and cannot be read allows nothing: the error ends the reading. */
async function readRule(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
}

/** Names the line by its number only: its text may be a secret in the wrong file. */
function malformedRule(line: number): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    `Line ${line} of ${allowedOriginsFile} is not an origin, so that file allows nothing.`,
    `Have the operator correct the line to an origin such as https://openbao.example:8200 in the file ${allowedOriginsFile} nearest to the file that the configuration names.`,
  )
}

function refusedServer(origin: string): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    `A file that the configuration names may not be sent to ${origin}.`,
    `Correct the address, or have the operator add a line with ${origin} to the file ${allowedOriginsFile} in the folder of the file.`,
  )
}
