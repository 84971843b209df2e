import { pluginProtocolVersion } from "../handshake/handshake-line.ts"

/** Facts that the host states in the environment of the process (go-plugin). */
export interface Launch {
  /** The plugin type that the host asks for, in the host's spelling. */
  readonly type: string
  /** PEM of the only certificate that may connect. */
  readonly clientCertificate: string
  /** The host asks whether the plugin multiplexes. */
  readonly offersMultiplexing: boolean
  /** Folder for sockets. Default: the system's temporary folder. */
  readonly socketDirectory?: string
  /** Ports for hosts without sockets, both inclusive; 0 takes any free port. */
  readonly ports: { readonly first: number; readonly last: number }
}

/** The process was not started as a plugin's host starts it. The message is for the person who started it. */
export class LaunchError extends Error {
  constructor(message: string) {
    super(message)
    this.name = "LaunchError"
  }
}

/**
 * Reads the environment.
 *
 * @param types - every spelling under which the plugin may be asked for; the cookie is `TYPE=TYPE`
 * @throws {LaunchError}
 */
export function readLaunch(
  environment: Readonly<Record<string, string | undefined>>,
  types: readonly string[],
  pluginName: string,
): Launch {
  const type = types.find((each) => environment[each] === each)
  if (type === undefined && environment.PLUGIN_PROTOCOL_VERSIONS !== undefined) {
    throw new LaunchError(
      `${pluginName} serves the types ${types.join(", ")}; its host asks for another one. Correct \`type\` or \`path\` in the host's configuration.`,
    )
  }
  if (type === undefined) {
    throw new LaunchError(
      `${pluginName} is a plugin of OpenKCM's CMK service: a host starts it, not a person. Name this file as \`path\` of a plugin of type ${types[0]} in the host's configuration.`,
    )
  }
  const versions = (environment.PLUGIN_PROTOCOL_VERSIONS ?? String(pluginProtocolVersion)).split(",")
  if (!versions.includes(String(pluginProtocolVersion))) {
    throw new LaunchError(
      `The host speaks the plugin protocol ${versions.join(", ")}; ${pluginName} speaks ${pluginProtocolVersion}.`,
    )
  }
  const { PLUGIN_CLIENT_CERT: clientCertificate, PLUGIN_UNIX_SOCKET_DIR: socketDirectory } = environment
  if (clientCertificate === undefined || clientCertificate === "") {
    throw new LaunchError(`The host sent no certificate (PLUGIN_CLIENT_CERT); ${pluginName} serves with AutoMTLS only.`)
  }
  return {
    type,
    clientCertificate,
    offersMultiplexing: environment.PLUGIN_MULTIPLEX_GRPC !== undefined,
    ...(socketDirectory === undefined || socketDirectory === "" ? {} : { socketDirectory }),
    ports: { first: portOf(environment.PLUGIN_MIN_PORT), last: portOf(environment.PLUGIN_MAX_PORT) },
  }
}

function portOf(text: string | undefined): number {
  const port = Number(text ?? 0)
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0
}
