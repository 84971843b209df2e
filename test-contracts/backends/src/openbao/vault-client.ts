import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import * as z from "zod"
import type { IssuedCertificate } from "../certificates.ts"

/** The address of an OpenBao server, and the certificates for it. */
export interface OpenBaoEndpoint {
  /** `http://127.0.0.1:<port>` or `https://127.0.0.1:<port>`. */
  readonly address: string
  /** Certificate of its authority, PEM, where it speaks TLS. */
  readonly certificateAuthority?: string
  /** Shown to a server that asks for a client certificate. */
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
  /** Asks for a wrapped answer, in a token with this lifetime. */
  readonly wrapTtlSeconds?: number
}

/** The answer, whatever its status. */
export interface OpenBaoAnswer {
  readonly status: number
  /** The parsed JSON body; `undefined` for an empty one. */
  readonly body: unknown
}

const answer = z.object({ statusCode: z.number(), body: z.unknown() })
const withCode = z.object({ code: z.string() })
const answerWithinMs = 10_000

/**
 * Sends one request with `node-vault`, on a separate connection, so that it shares nothing with the code under test.
 *
 * @throws {Error} no answer; `code` is Node's. Neither the token nor the body is in it.
 */
export async function sendToOpenBao(endpoint: OpenBaoEndpoint, request: OpenBaoRequest): Promise<OpenBaoAnswer> {
  // Loaded at the first request: most test files that import this package send none.
  const { default: createVaultClient } = await import("node-vault")
  const client = createVaultClient({ endpoint: endpoint.address, debug: () => undefined })
  // Otherwise node-vault takes these from VAULT_TOKEN and similar variables.
  Object.assign(client, { token: "", namespace: "", pathPrefix: "" })
  // node-vault rejects on every status except 200 and 204; tests check the status.
  client.handleVaultResponse = async (response) => response
  const { certificateAuthority: ca, clientCertificate } = endpoint
  try {
    const response: unknown = await client.request({
      method: request.method,
      path: `/${request.path}`,
      ...(request.body === undefined ? {} : { json: request.body }),
      headers: {
        ...(request.token === undefined ? {} : { "X-Vault-Token": request.token }),
        ...(request.namespace === undefined ? {} : { "X-Vault-Namespace": request.namespace }),
        ...(request.wrapTtlSeconds === undefined ? {} : { "X-Vault-Wrap-TTL": `${request.wrapTtlSeconds}s` }),
      },
      timeout: answerWithinMs,
      httpAgent: new HttpAgent({ keepAlive: false }),
      httpsAgent: new HttpsAgent({
        keepAlive: false,
        ...(ca === undefined ? {} : { ca }),
        ...(clientCertificate === undefined
          ? {}
          : { cert: clientCertificate.certificate, key: clientCertificate.privateKey }),
      }),
    })
    const { statusCode, body } = answer.parse(response)
    return { status: statusCode, body: body === "" ? undefined : body }
  } catch (error) {
    throw withoutSecrets(error, request)
  }
}

/** An axios error holds the request with its token and body; only the error code is passed on. */
function withoutSecrets(error: unknown, { method, path }: OpenBaoRequest): Error {
  const { data } = withCode.safeParse(error)
  const message = `OpenBao did not answer ${method} ${path}: ${data?.code ?? "unknown error"}`
  return Object.assign(new Error(message), data)
}
