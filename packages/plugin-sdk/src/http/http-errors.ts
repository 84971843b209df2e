import { isPluginError, type PluginError, type PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { type ExtraFacts, pluginError, scrubbedCause } from "../errors/error-facts.ts"

interface Meaning extends ExtraFacts {
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
}

const checkServer = "Check that the server runs, and that its address and the network between are right."
const checkTrust = "Check the certificate authority in the configuration, and the server's certificate and host name."
const checkScheme =
  "Check scheme and port of the address: https:// needs a server that speaks TLS at this port; http:// is for one that does not, where the operator allows it."
const checkIdentity = "Check the client certificate and its private key."

const unreachable = (message: string, nextStep = checkServer): Meaning => ({ code: "UNREACHABLE", message, nextStep })
const untrusted = (message: string, nextStep = checkTrust): Meaning => ({
  ...unreachable(message, nextStep),
  retryable: false,
})
const behindProxy = (message: string): Meaning => ({
  ...unreachable(message, "Have the operator check the proxy, its rules, and the plugin's proxy and noProxy."),
  origin: "host",
})
const timedOut = (message: string): Meaning => ({ code: "TIMED_OUT", message, nextStep: checkServer })
const badResponse = (message: string): Meaning => ({
  code: "BAD_RESPONSE",
  message,
  nextStep: "Check that the address is the API of the right kind of server, and any proxy or load balancer in between.",
})
const invalid = (message: string, nextStep: string): Meaning => ({ code: "INVALID_REQUEST", message, nextStep })
const hostIsOut = (what: string): Meaning => ({
  code: "UNREACHABLE",
  message: `This host has no ${what} left for a connection.`,
  nextStep: `Raise the host's limit of ${what}.`,
  origin: "host",
})

const unaskedStatus = "HPE_UNASKED_STATUS"

/**
 * Errors that Node and undici report, with their meanings. Sources: Node "Common system errors", OpenSSL's verify(1) names as in
 * Node's `X509 certificate error codes`, undici docs/api/Errors.md.
 */
const meanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: unreachable("Nobody listens at the server's address."),
  ECONNRESET: unreachable("The connection was reset."),
  ECONNABORTED: unreachable("The connection was aborted."),
  EPIPE: unreachable("The server closed the connection."),
  ENOTFOUND: unreachable("The host name is not known.", "Check the host name and the DNS server."),
  EAI_AGAIN: unreachable("The DNS server does not answer.", "Check the DNS server."),
  EHOSTUNREACH: unreachable("There is no route to the server."),
  ENETUNREACH: unreachable("There is no route to the server's network."),
  EHOSTDOWN: unreachable("The server's machine is down."),
  EADDRNOTAVAIL: unreachable("This machine has no free address or port for the connection."),
  EACCES: unreachable("This machine forbids the connection."),
  EPERM: unreachable("This machine forbids the connection."),
  ETIMEDOUT: timedOut("The connection could not be made in time."),
  EMFILE: hostIsOut("open files"),
  ENFILE: hostIsOut("open files"),
  ENOBUFS: hostIsOut("network buffers"),
  UND_ERR_SOCKET: unreachable("The server closed the connection."),
  UND_ERR_CONNECT_TIMEOUT: timedOut("The connection could not be made in time."),
  UND_ERR_ABORTED: behindProxy("The proxy refuses to connect to the server."),
  UND_ERR_PRX_CONN: behindProxy("The proxy closed the connection."),
  UND_ERR_PRX_TLS: behindProxy("The proxy's certificate is for another host name."),
  UND_ERR_HEADERS_TIMEOUT: timedOut("The server did not answer in time."),
  UND_ERR_BODY_TIMEOUT: timedOut("The server stopped before its answer was complete."),
  UND_ERR_HEADERS_OVERFLOW: badResponse("The answer's headers are too large."),
  UND_ERR_DESTROYED: {
    code: "CANCELLED",
    message: "The HTTP client has been closed.",
    nextStep: "Open it again.",
    origin: "host",
  },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: badResponse("The answer is not as long as its header states."),
  UND_ERR_INVALID_ARG: invalid(
    "The request has a malformed method, header or body.",
    "Correct the configuration's values.",
  ),
  UND_ERR_NOT_SUPPORTED: invalid("The request has a header that may not be set.", "Correct the plugin."),
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: invalid(
    "The request is not as long as its header states.",
    "Correct the plugin.",
  ),
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted("The server's certificate is self-signed and not trusted."),
  SELF_SIGNED_CERT_IN_CHAIN: untrusted("The server's certificate authority is not trusted."),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted("The server's certificate authority is not trusted."),
  UNABLE_TO_GET_ISSUER_CERT: untrusted("The server's certificate chain is incomplete."),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted("The server's certificate authority is not trusted."),
  CERT_HAS_EXPIRED: untrusted("The server's certificate has expired."),
  CERT_NOT_YET_VALID: untrusted("The server's certificate is not valid yet.", "Check the clocks of both machines."),
  CERT_REVOKED: untrusted("The server's certificate is revoked."),
  CERT_SIGNATURE_FAILURE: untrusted("The server's certificate has a bad signature."),
  CERT_UNTRUSTED: untrusted("The server's certificate is not trusted."),
  INVALID_CA: untrusted("The certificate authority is not valid."),
  INVALID_PURPOSE: untrusted("The server's certificate is not meant for servers."),
  ERR_TLS_CERT_ALTNAME_INVALID: untrusted("The server's certificate is for another host name."),
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: untrusted("The server wants a client certificate.", checkIdentity),
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: untrusted("The server does not trust the client certificate.", checkIdentity),
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: untrusted("The server refuses the client certificate.", checkIdentity),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: untrusted("The client certificate has expired.", checkIdentity),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: untrusted("The server refuses the client certificate.", checkIdentity),
  ERR_SSL_WRONG_VERSION_NUMBER: untrusted("The server does not speak TLS at this port.", checkScheme),
  ERR_SSL_PACKET_LENGTH_TOO_LONG: untrusted("The server does not speak TLS at this port.", checkScheme),
  [unaskedStatus]: badResponse(
    "The server answered with a status 1xx that was not asked for, as a change of protocol (101).",
  ),
}

/** Families of codes, for codes that the table does not name. */
const families: readonly (readonly [RegExp, Meaning])[] = [
  [/^HPE/, badResponse("The server's answer is not HTTP.")],
  [/^ERR_OSSL_/, invalid("A certificate or private key cannot be read.", "Give certificates and key as PEM text.")],
  [/^(ERR_SSL_|ERR_TLS_)/, untrusted("No TLS connection could be made.")],
]

/** Translates an error of undici or Node into the one error that may leave the plugin, without headers and bodies. */
export function httpError(error: unknown): PluginError {
  if (isPluginError(error)) return error
  const code = errorCode(error)
  const meaning = meanings[code] ?? families.find(([pattern]) => pattern.test(code))?.[1]
  if (meaning === undefined) {
    const cause = scrubbedCause(error)
    if (typeof error === "object" && error !== null && "syscall" in error) {
      return pluginError("UNREACHABLE", "The operating system could not make the connection.", checkServer, { cause })
    }
    return pluginError("INTERNAL", "The request failed for an unknown reason.", "Report it with its cause.", {
      cause,
    })
  }
  const { code: pluginCode, message, nextStep, ...extra } = meaning
  return pluginError(pluginCode, message, nextStep, { ...extra, cause: scrubbedCause({ code }, code) })
}

function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null) return ""
  // undici's parser does not always set a code.
  if ("name" in error && error.name === "HTTPParserError") return "HPE"
  if (isUnaskedStatus(error)) return unaskedStatus
  if ("code" in error && typeof error.code === "string") return error.code
  // When every address of a name failed, Node reports one error that holds all of theirs.
  if (error instanceof AggregateError) return errorCode(error.errors[0])
  return ""
}

/** undici closes the socket for some of these, with the code of a lost connection, and fails an assertion for the others. */
function isUnaskedStatus(error: object): boolean {
  if (!("code" in error && error instanceof Error)) return false
  if (error.code === "UND_ERR_SOCKET") return /^bad (upgrade|response)$/.test(error.message)
  return error.code === "ERR_ASSERTION" && error.message.includes("upgrade")
}
