import { request as requestHttp } from "node:http"
import { request as requestHttps } from "node:https"
import type { IssuedCertificate } from "../certificates.ts"

/** Where an OpenBao listens, and whom to trust there. */
export interface OpenBaoEndpoint {
  /** `http://127.0.0.1:<port>` or `https://127.0.0.1:<port>`. */
  readonly address: string
  /** Certificate of its authority, PEM, where it speaks TLS. */
  readonly certificateAuthority?: string
  /** What to show where it wants a client certificate. */
  readonly clientCertificate?: IssuedCertificate
}

/** One request to OpenBao's API. */
export interface OpenBaoRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "LIST"
  /** Path below `/v1/`. */
  readonly path: string
  readonly token?: string
  readonly namespace?: string
  readonly body?: Readonly<Record<string, unknown>>
  /** Asks for the answer in a wrapping token that lives so long. */
  readonly wrapTtlSeconds?: number
}

/** The answer, whatever its status. */
export interface OpenBaoAnswer {
  readonly status: number
  /** The parsed JSON body; `undefined` for an empty one. */
  readonly body: unknown
}

const answerWithinMs = 10_000

/** Sends one request on a connection of its own, so that it shares nothing with what is tested. */
export async function sendToOpenBao(endpoint: OpenBaoEndpoint, request: OpenBaoRequest): Promise<OpenBaoAnswer> {
  const url = new URL(`/v1/${request.path}`, endpoint.address)
  const options = {
    method: request.method,
    agent: false,
    signal: AbortSignal.timeout(answerWithinMs),
    headers: {
      ...(request.token === undefined ? {} : { "X-Vault-Token": request.token }),
      ...(request.namespace === undefined ? {} : { "X-Vault-Namespace": request.namespace }),
      ...(request.wrapTtlSeconds === undefined ? {} : { "X-Vault-Wrap-TTL": `${request.wrapTtlSeconds}s` }),
    },
    ...(endpoint.certificateAuthority === undefined ? {} : { ca: endpoint.certificateAuthority }),
    ...(endpoint.clientCertificate === undefined
      ? {}
      : { cert: endpoint.clientCertificate.certificate, key: endpoint.clientCertificate.privateKey }),
  }
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp
    const outgoing = send(url, options, (response) => {
      const chunks: Buffer[] = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.once("error", reject)
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8")
        const body: unknown = text === "" ? undefined : JSON.parse(text)
        resolve({ status: response.statusCode ?? 0, body })
      })
    })
    outgoing.once("error", reject)
    outgoing.end(request.body === undefined ? undefined : JSON.stringify(request.body))
  })
}
