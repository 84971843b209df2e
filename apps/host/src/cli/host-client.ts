import { readFile } from "node:fs/promises"
import { z } from "zod"
import { problemDocument } from "../http/problem.ts"
import { CliError, exitCodeOf } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"

/** Where the host is and how to show who asks. */
export interface HostClientOptions {
  /** E.g. `http://127.0.0.1:8470`. */
  readonly url: string
  /** File with one line `Authorization: Bearer ...`, mode 0600. */
  readonly headerFile: string
}

/** One request to the host. */
export interface HostRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** Path and query, starting with `/`. */
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** The host's REST API, as the commands use it. */
export interface HostClient {
  /** @throws {CliError} for every answer that is no success */
  request<T>(request: HostRequest, schema: z.ZodType<T>): Promise<T>
  /** Lines of a streamed answer, as they arrive. */
  lines(request: HostRequest): AsyncIterable<string>
}

/** Makes the client; nothing is read or sent before the first request. */
export function createHostClient(options: HostClientOptions): HostClient {
  async function send(request: HostRequest): Promise<Response> {
    const headers: Record<string, string> = { ...request.headers, authorization: await authorization(options) }
    if (request.body !== undefined) headers["content-type"] = "application/json"
    let response: Response
    try {
      response = await fetch(new URL(request.path, options.url), {
        method: request.method,
        headers,
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      })
    } catch (cause) {
      throw unreachable(options.url, cause)
    }
    if (!response.ok) throw await problem(response)
    return response
  }

  return {
    async request(request, schema) {
      const response = await send(request)
      const parsed = schema.safeParse(response.status === 204 ? undefined : await response.json())
      if (parsed.success) return parsed.data
      throw new CliError(
        exitCodes.failure,
        `The answer of the host to ${request.method} ${request.path} is not what this version expects.`,
        "Use the same version of apeiro-cmk as the host.",
        z.treeifyError(parsed.error),
      )
    },
    async *lines(request) {
      const response = await send(request)
      yield* linesOf(response.body ?? new ReadableStream())
    },
  }
}

async function authorization(options: HostClientOptions): Promise<string> {
  let text: string
  try {
    text = await readFile(options.headerFile, "utf8")
  } catch (cause) {
    throw new CliError(
      exitCodes.refused,
      `The token file ${options.headerFile} cannot be read (${codeOf(cause)}).`,
      "Start the host once with `npm start`, which writes it, or name yours with --header-file.",
    )
  }
  const value = /^authorization:\s*(.+?)\s*$/im.exec(text)?.[1]
  if (value !== undefined) return value
  throw new CliError(
    exitCodes.refused,
    `The token file ${options.headerFile} does not hold one line "Authorization: Bearer ...".`,
    "Write it in that form, with mode 0600; curl reads the same file with -H @FILE.",
  )
}

function unreachable(url: string, cause: unknown): CliError {
  const reason = cause instanceof Error && cause.cause !== undefined ? codeOf(cause.cause) : codeOf(cause)
  return new CliError(
    exitCodes.unreachable,
    `No host answers at ${url} (${reason}).`,
    "Start it with `npm start` or `apeiro-cmk serve`, or name its address with --url.",
  )
}

async function problem(response: Response): Promise<CliError> {
  const parsed = problemDocument.safeParse(await jsonOf(response))
  if (!parsed.success) {
    return new CliError(
      exitCodes.failure,
      `${response.url} answered ${response.status}, and not as this project's host does.`,
      "Check --url: is that address the API of the host?",
    )
  }
  const { status, title, origin, code, next_step: nextStep, issues = [] } = parsed.data
  const details = issues.map((issue) => `\n  ${issue.path.join(".") || "(document)"}: ${issue.message}`).join("")
  return new CliError(exitCodeOf(status, origin, code), `${title}${details}`, nextStep, parsed.data)
}

/** @returns undefined where the body is no JSON, as the pages of proxies are */
async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    return undefined
  }
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

function codeOf(cause: unknown): string {
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "no code"
}
