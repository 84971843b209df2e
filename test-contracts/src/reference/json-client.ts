import type { CallOptions, HttpClient, PluginErrorCode, SecretHandle } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

const errorAnswer = z.object({ error: z.string() })

/** Meanings of the errors that a server answers, by their names. */
export type Meanings = Readonly<Record<string, { readonly code: PluginErrorCode; readonly nextStep: string }>>

/** Meanings of the errors that every reference server answers. */
const commonMeanings: Meanings = {
  unauthorized: { code: "CREDENTIAL_REJECTED", nextStep: "Enter the API key that the server knows." },
  denied: { code: "DENIED", nextStep: "Let the API key use the reference server." },
}

/** Calls of the reference protocol: one POST each. */
export class JsonClient {
  readonly #http: HttpClient
  readonly #address: string
  readonly #apiKey: SecretHandle
  readonly #meanings: Meanings

  constructor(http: HttpClient, address: string, apiKey: SecretHandle, meanings: Meanings) {
    this.#http = http
    this.#address = address
    this.#apiKey = apiKey
    this.#meanings = { ...commonMeanings, ...meanings }
  }

  /** Sends one request. @throws {PluginError} the meaning of the server's answer, or UNREACHABLE, TIMED_OUT, CANCELLED */
  async send<Answer>(
    body: object,
    answer: z.ZodType<Answer>,
    call: Pick<CallOptions, "tenantId" | "purpose" | "signal">,
  ): Promise<Answer> {
    const { signal } = call
    const apiKey = await this.#apiKey.read(signal)
    const response = await this.#http.request({
      method: "POST",
      url: `${this.#address}/`,
      headers: { authorization: `Bearer ${Buffer.from(apiKey).toString("utf8")}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
      call,
    })
    apiKey.fill(0)
    if (response.status === 429) throw throttled(response.headers["retry-after"])
    if (response.status >= 500) {
      throw pluginError("UNREACHABLE", "The reference server is down.", "Start it again.", { origin: "backend" })
    }
    const parsed = parseJson(response.body)
    if (response.status === 200) return understood(answer, parsed)
    const meaning = this.#meanings[errorAnswer.safeParse(parsed).data?.error ?? ""]
    if (meaning === undefined) throw badResponse(response.status)
    throw pluginError(meaning.code, "The reference server refused the request.", meaning.nextStep)
  }
}

function throttled(retryAfterSeconds: string | undefined) {
  const retryAfterMs = Number(retryAfterSeconds) * 1000
  const facts = Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}
  return pluginError("THROTTLED", "The reference server asks to slow down.", "Wait, then try again.", facts)
}

function understood<Answer>(shape: z.ZodType<Answer>, body: unknown): Answer {
  const result = shape.safeParse(body)
  if (!result.success) throw badResponse(200)
  return result.data
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"))
  } catch {
    throw badResponse(undefined) // the parser's own message would repeat the body
  }
}

function badResponse(status: number | undefined) {
  const message = `The reference server gave an answer that is not in its protocol (status ${status ?? "200"}).`
  return pluginError("BAD_RESPONSE", message, "Check that the address is the one of a reference server.")
}
