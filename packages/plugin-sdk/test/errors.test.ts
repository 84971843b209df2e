import { describe, expect, it } from "vitest"
import { httpError } from "../src/http/http-errors.ts"
import { pluginError, scrubbedCause, toPluginError, unsupported } from "../src/index.ts"

const canary = "canary-91c4"

describe("error helpers", () => {
  it("know origin and retryability of a code, unless the caller knows better", () => {
    expect(pluginError("UNREACHABLE", "m", "n")).toMatchObject({
      origin: "network",
      retryable: true,
      message: "m",
      nextStep: "n",
    })
    expect(pluginError("DENIED", "m", "n")).toMatchObject({ origin: "backend", retryable: false })
    expect(pluginError("THROTTLED", "m", "n", { retryAfterMs: 5, origin: "host" })).toMatchObject({
      origin: "host",
      retryable: true,
      retryAfterMs: 5,
    })
  })

  it("say which capability is missing, and why", () => {
    expect(unsupported("importKey", "the token cannot unwrap")).toMatchObject({
      code: "UNSUPPORTED",
      message: "This plugin does not support importKey: the token cannot unwrap",
    })
  })

  it("pass a PluginError and turn anything else into the fallback with a scrubbed cause", () => {
    const fallback = {
      message: "The server's answer is not JSON.",
      nextStep: "Check the address.",
      code: "BAD_RESPONSE",
    } as const
    const own = pluginError("SEALED", "m", "n")
    expect(toPluginError(own, fallback)).toBe(own)
    const thrown = [
      canary,
      undefined,
      Object.assign(new Error(canary), { code: "E_VENDOR", config: { headers: { token: canary } } }),
      { code: `${canary} x` },
    ]
    for (const value of thrown) {
      const error = toPluginError(value, fallback)
      expect(error).toMatchObject({ code: "BAD_RESPONSE", message: fallback.message })
      const cause = Object(error.cause)
      expect(`${cause.message} ${cause.stack} ${JSON.stringify(cause)} ${cause.code}`).not.toContain(canary)
    }
    expect(toPluginError(new Error("x"), { message: "m", nextStep: "n" })).toMatchObject({ code: "INTERNAL" })
  })

  it("keep name and code of a cause", () => {
    expect(scrubbedCause(Object.assign(new TypeError(canary), { code: "ERR_X" }))).toMatchObject({
      name: "TypeError",
      code: "ERR_X",
      message: "TypeError ERR_X",
    })
  })
})

describe("errors of the network", () => {
  it.each([
    ["ECONNREFUSED", "UNREACHABLE", "network", true],
    ["ECONNRESET", "UNREACHABLE", "network", true],
    ["ECONNABORTED", "UNREACHABLE", "network", true],
    ["EPIPE", "UNREACHABLE", "network", true],
    ["ENOTFOUND", "UNREACHABLE", "network", true],
    ["EAI_AGAIN", "UNREACHABLE", "network", true],
    ["EHOSTUNREACH", "UNREACHABLE", "network", true],
    ["ENETUNREACH", "UNREACHABLE", "network", true],
    ["EHOSTDOWN", "UNREACHABLE", "network", true],
    ["EADDRNOTAVAIL", "UNREACHABLE", "network", true],
    ["EACCES", "UNREACHABLE", "network", true],
    ["EPERM", "UNREACHABLE", "network", true],
    ["ETIMEDOUT", "TIMED_OUT", "network", true],
    ["EMFILE", "UNREACHABLE", "host", true],
    ["ENFILE", "UNREACHABLE", "host", true],
    ["ENOBUFS", "UNREACHABLE", "host", true],
    ["UND_ERR_SOCKET", "UNREACHABLE", "network", true],
    ["UND_ERR_CONNECT_TIMEOUT", "TIMED_OUT", "network", true],
    ["UND_ERR_HEADERS_TIMEOUT", "TIMED_OUT", "network", true],
    ["UND_ERR_BODY_TIMEOUT", "TIMED_OUT", "network", true],
    ["UND_ERR_HEADERS_OVERFLOW", "BAD_RESPONSE", "backend", false],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "BAD_RESPONSE", "backend", false],
    ["UND_ERR_DESTROYED", "CANCELLED", "host", false],
    ["UND_ERR_INVALID_ARG", "INVALID_REQUEST", "caller", false],
    ["UND_ERR_NOT_SUPPORTED", "INVALID_REQUEST", "caller", false],
    ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "INVALID_REQUEST", "caller", false],
    ["HPE_INVALID_CONSTANT", "BAD_RESPONSE", "backend", false],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "UNREACHABLE", "network", false],
    ["SELF_SIGNED_CERT_IN_CHAIN", "UNREACHABLE", "network", false],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UNREACHABLE", "network", false],
    ["UNABLE_TO_GET_ISSUER_CERT", "UNREACHABLE", "network", false],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UNREACHABLE", "network", false],
    ["CERT_HAS_EXPIRED", "UNREACHABLE", "network", false],
    ["CERT_NOT_YET_VALID", "UNREACHABLE", "network", false],
    ["CERT_REVOKED", "UNREACHABLE", "network", false],
    ["CERT_SIGNATURE_FAILURE", "UNREACHABLE", "network", false],
    ["CERT_UNTRUSTED", "UNREACHABLE", "network", false],
    ["INVALID_CA", "UNREACHABLE", "network", false],
    ["INVALID_PURPOSE", "UNREACHABLE", "network", false],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "UNREACHABLE", "network", false],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "UNREACHABLE", "network", false],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "UNREACHABLE", "network", false],
    ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "UNREACHABLE", "network", false],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "UNREACHABLE", "network", false],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", "UNREACHABLE", "network", false],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "UNREACHABLE", "network", false],
    ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "UNREACHABLE", "network", false],
    ["ERR_OSSL_PEM_NO_START_LINE", "INVALID_REQUEST", "caller", false],
    ["ERR_SSL_SOMETHING_NEW", "UNREACHABLE", "network", false],
  ])("%s is %s", (code, expected, origin, retryable) => {
    const error = httpError(Object.assign(new Error(canary), { code, body: canary, headers: { token: canary } }))
    expect(error).toMatchObject({ code: expected, origin, retryable, cause: { code } })
    const cause = Object(error.cause)
    expect(`${error.message} ${cause.message} ${cause.stack} ${Object.getOwnPropertyNames(cause)}`).not.toContain(
      canary,
    )
    expect(Object.keys(cause)).toEqual(["code"])
  })

  it("of all addresses of a name are judged by the first", () => {
    const all = new AggregateError([Object.assign(new Error("x"), { code: "ECONNREFUSED" })])
    expect(httpError(all)).toMatchObject({ code: "UNREACHABLE", cause: { code: "ECONNREFUSED" } })
  })

  it("that are unknown are not guessed", () => {
    expect(httpError(new TypeError(canary))).toMatchObject({ code: "INTERNAL", cause: { name: "TypeError" } })
    expect(httpError(Object.assign(new Error(canary), { code: "EODD", syscall: "connect" }))).toMatchObject({
      code: "UNREACHABLE",
    })
  })
})
