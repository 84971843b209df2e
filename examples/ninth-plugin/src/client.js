import { pluginError } from "@apeiro-cmk/plugin-sdk"

const refusals = {
  401: ["CREDENTIAL_REJECTED", "The Pocket KMS does not know the token.", "Enter a token that the Pocket KMS knows."],
  403: ["DENIED", "The token may not do this.", "Have the administrator of the Pocket KMS grant it."],
  404: ["KEY_NOT_FOUND", "The Pocket KMS has no such key.", "Correct key_name, or create the key."],
  422: ["CIPHERTEXT_REJECTED", "The ciphertext does not open.", "Pass the ciphertext with its own key and context."],
}

/** The calls of the Pocket KMS. What it answers becomes a `PluginError` here and nowhere else. */
export class PocketClient {
  #http
  #address
  #token

  constructor(http, address, token) {
    this.#http = http
    this.#address = address
    this.#token = token
  }

  async send(method, path, body, signal) {
    const token = await this.#token.read(signal)
    const authorization = `Bearer ${Buffer.from(token).toString("utf8")}`
    token.fill(0)
    const headers = { authorization, "content-type": "application/json" }
    const url = `${this.#address}/keys/${path}`
    const response = await this.#http.request({ method, url, headers, body: JSON.stringify(body), signal })
    if (response.status === 200) return answerOf(response)
    throw errorOf(response)
  }
}

function answerOf({ body }) {
  try {
    const answer = JSON.parse(Buffer.from(body).toString("utf8"))
    if (typeof answer.serial === "string") return answer
  } catch {
    // The parser's own message would repeat the body.
  }
  throw badResponse()
}

function errorOf({ status, headers }) {
  if (status === 429) {
    const facts = { retryAfterMs: Number(headers["retry-after"] ?? 1) * 1000 }
    return pluginError("THROTTLED", "The Pocket KMS asks to slow down.", "Wait, then try again.", facts)
  }
  if (status >= 500) {
    const facts = { origin: "backend" }
    return pluginError("UNREACHABLE", "The Pocket KMS is out of order.", "Look at the server's own log.", facts)
  }
  const refusal = refusals[status]
  return refusal === undefined ? badResponse() : pluginError(...refusal)
}

function badResponse() {
  return pluginError(
    "BAD_RESPONSE",
    "This is no answer of a Pocket KMS.",
    "Check that address is that of a Pocket KMS.",
  )
}
