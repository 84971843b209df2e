import * as z from "zod"
import { authorizationOf } from "./authorization.ts"
import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"
import { systemCodeOf } from "./files.ts"
import { jsonOf, problemError } from "./problem-error.ts"

/** Address of the host, and the file that says who asks. */
export interface HostClientOptions {
  /** E.g. `http://127.0.0.1:8470`. */
  readonly url: string
  /** File with one line `Authorization: Bearer ...`, mode 0600. */
  readonly headerFile: string
  /** Receives remarks about that file for the user. Default: none. */
  readonly warn?: (text: string) => void
}

/** One request to the host. */
export interface HostRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** Path and query, starting with `/`. */
  readonly path: string
  readonly body?: unknown
  /** JSON text instead of `body`, sent as it stands: the host sees everything that the user wrote, even a key twice. */
  readonly bodyText?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer, and the ETag of the revision that it shows. */
export interface Tagged<T> {
  readonly document: T
  readonly etag: string
}

/** The host's REST API, as the commands use it. */
export interface HostClient {
  /** Sends a request and parses the answer. @throws {CliError} for every answer but success */
  request<T>(request: HostRequest, schema: z.ZodType<T>): Promise<T>
  /** Does the same and returns the answer's ETag, too, for `If-Match`. */
  tagged<T>(request: HostRequest, schema: z.ZodType<T>): Promise<Tagged<T>>
  /** Reads a list, part after part, as the `Link` headers lead on. @param entriesOf - takes the entries from a part */
  list<T, Entry>(path: string, schema: z.ZodType<T>, entriesOf: (part: T) => readonly Entry[]): Promise<Entry[]>
  /** Sends a request and returns the lines of the streamed answer, as they arrive. */
  lines(request: HostRequest): AsyncIterable<string>
}

/** Makes the client; nothing is read or sent before the first request. */
export function createHostClient(options: HostClientOptions): HostClient {
  let authorization: Promise<string> | undefined

  async function send(request: HostRequest): Promise<Response> {
    checkUrl(options.url)
    authorization ??= authorizationOf(options.headerFile, options.warn ?? (() => {}))
    const headers: Record<string, string> = { ...request.headers, authorization: await authorization }
    const body = request.bodyText ?? (request.body === undefined ? undefined : JSON.stringify(request.body))
    if (body !== undefined) headers["content-type"] = "application/json"
    let response: Response
    try {
      response = await fetch(new URL(request.path, options.url), {
        method: request.method,
        headers,
        ...(body === undefined ? {} : { body }),
      })
    } catch (cause) {
      throw unreachable(options.url, cause)
    }
    if (!response.ok) throw await problemError(response, request.path)
    return response
  }

  return {
    request: async (request, schema) => read(request, await send(request), schema),
    async tagged(request, schema) {
      const response = await send(request)
      return { document: await read(request, response, schema), etag: response.headers.get("etag") ?? "" }
    },
    async list(path, schema, entriesOf) {
      const entries: ReturnType<typeof entriesOf>[number][] = []
      for (let next: string | undefined = path; next !== undefined; ) {
        const request: HostRequest = { method: "GET", path: next }
        const response = await send(request)
        entries.push(...entriesOf(await read(request, response, schema)))
        next = nextPath(response, path)
      }
      return entries
    },
    async *lines(request) {
      const response = await send(request)
      try {
        yield* linesOf(response.body ?? new ReadableStream())
      } catch {
        throw new CliError(
          exitCodes.unreachable,
          `The answer of the host at ${options.url} was cut off.`,
          "Check whether the host still runs, and ask again.",
        )
      }
    },
  }
}

/** Reads the `Link` header (RFC 8288) of a part of a list. @returns path and query of the next part */
function nextPath(response: Response, path: string): string | undefined {
  const query = /<(\?[^<>]*)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1]
  return query === undefined ? undefined : path + query
}

async function read<T>(request: HostRequest, response: Response, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(response.status === 204 ? undefined : await jsonOf(response))
  if (parsed.success) return parsed.data
  throw new CliError(
    exitCodes.failure,
    `The answer of the host to ${request.method} ${request.path} is not what this version expects.`,
    "Use the same version of apeiro-cmk as the host.",
    z.treeifyError(parsed.error),
  )
}

function checkUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.username) {
    throw new CliError(
      exitCodes.usage,
      "The address of the host contains a user name.",
      "Leave it out: a token identifies the caller.",
    )
  }
  if (parsed?.protocol === "http:" || parsed?.protocol === "https:") return
  throw new CliError(
    exitCodes.usage,
    `"${url}" is not the address of a host: it must begin with http:// or https://.`,
    "Give it with --url or APEIRO_CMK_URL, e.g. http://127.0.0.1:8470",
  )
}

function unreachable(url: string, cause: unknown): CliError {
  const reason = cause instanceof Error && cause.cause !== undefined ? systemCodeOf(cause.cause) : systemCodeOf(cause)
  return new CliError(
    exitCodes.unreachable,
    `No host answers at ${url} (${reason}).`,
    "Start it with `npm start` or `apeiro-cmk serve`, or name its address with --url.",
  )
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncIterable<string> {
  let rest = ""
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n")
    rest = lines.pop() ?? ""
    yield* lines
  }
  if (rest !== "") yield rest
}
