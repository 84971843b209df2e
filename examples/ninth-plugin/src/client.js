import { pluginError } from "@apeiro-cmk/plugin-sdk"

const refusals = {
  401: ["CREDENTIAL_REJECTED", "The Pocket KMS rejects the token.", "Enter a valid token of the Pocket KMS."],
  403: ["DENIED", "The token lacks the permission.", "Ask the administrator of the Pocket KMS to grant it."],
  404: ["KEY_NOT_FOUND", "The Pocket KMS has no such key.", "Correct key_name, or create the key."],
  422: [
    "CIPHERTEXT_REJECTED",
    "The ciphertext cannot be decrypted.",
    "Use the ciphertext with its own key and context.",
  ],
}

/** Calls the Pocket KMS, and turns each of its refusals into a `PluginError`; no other file does. */
export class PocketClient {
  #http
  #address
  #token

  constructor(http, address, token) {
    this.#http = http
    this.#address = address
    this.#token = token
  }

  async send(method, path, body, call) {
    const { signal } = call
    const token = await this.#token.read(signal)
    const authorization = `Bearer ${Buffer.from(token).toString("utf8")}`
    token.fill(0)
    const headers = { authorization, "content-type": "application/json" }
    const url = `${this.#address}/keys/${path}`
    const response = await this.#http.request({ method, url, headers, body: JSON.stringify(body), signal, call })
    if (response.status === 200) return answerOf(response)
    throw errorOf(response)
  }
}

function answerOf({ body }) {
  try {
    const answer = JSON.parse(Buffer.from(body).toString("utf8"))
    if (typeof answer.serial === "string") return answer
  } catch {
    // The parser's own message would quote the body.
  }
  throw badResponse()
}

function errorOf({ status, headers }) {
  if (status === 429) {
    const facts = { retryAfterMs: Number(headers["retry-after"] ?? 1) * 1000 }
    return pluginError("THROTTLED", "The Pocket KMS limits the rate of requests.", "Wait, then try again.", facts)
  }
  if (status >= 500) {
    const facts = { origin: "backend" }
    return pluginError("UNREACHABLE", "The Pocket KMS failed.", "Check the server's own log.", facts)
  }
  const refusal = refusals[status]
  return refusal === undefined ? badResponse() : pluginError(...refusal)
}

function badResponse() {
  return pluginError(
    "BAD_RESPONSE",
    "The server does not answer like a Pocket KMS.",
    "Check that address leads to a Pocket KMS.",
  )
}
