import type { IncomingMessage, ServerResponse } from "node:http"
import { auditActor, type Caller } from "@apeiro-cmk/access"
import { type Clock, isCodedError, type LogFields, type Logger } from "@apeiro-cmk/plugin-interface"
import { isOperatorError } from "../problems/operator-errors.ts"
import type { ProblemDocument } from "../problems/problem-document.ts"
import type { Route } from "./route.ts"

/** Gathers the one log line of a request, and writes it when the response closes. Headers, bodies and the text of the URL never reach it. */
export class RequestLog {
  readonly #fields: Record<string, string | number>
  #level: "debug" | "info" | "warn" | "error" = "info"

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  ) {
    const startedAtMs = clock.monotonicMs()
    this.#fields = { method: request.method ?? "", request_id: requestId }
    response.once("close", () => {
      const duration_ms = Math.round((clock.monotonicMs() - startedAtMs) * 100) / 100
      const { statusCode: status, writableFinished: complete } = response
      const line: LogFields = { ...this.#fields, status, duration_ms, complete }
      logger[this.#level]("request", line)
    })
  }

  /** Notes the route that serves the request. */
  route(route: Route): void {
    this.#fields.route = route.path
    if (route.permission === "public") this.#level = "debug"
  }

  /**
   * Notes who asks. `tenant` is the caller's own; for a caller without one, the tenant that the request names.
   * @param named - that tenant, if its id is well-formed; where a token names another tenant, it is `named_tenant`
   */
  caller(caller: Caller, named: string | undefined): void {
    this.#fields.actor = auditActor(caller).id
    const tenant = caller.type === "token" ? caller.tenantId : named
    if (tenant !== undefined) this.#fields.tenant = tenant
    if (named !== undefined && named !== tenant) this.#fields.named_tenant = named
  }

  /** Notes why the request was refused or failed. */
  failure(problem: ProblemDocument, error: unknown): void {
    this.#fields.code = problem.code
    this.#fields.origin = problem.origin
    if (problem.status >= 500) this.#level = "warn"
    // The caller did not read it.
    if (isOperatorError(problem.code) && isCodedError(error)) this.#fields.error = withCause(error)
    if (problem.code !== "INTERNAL") return
    this.#level = "error"
    this.#fields.error = describe(error)
  }
}

function withCause({ message, cause }: Error): string {
  return cause instanceof Error ? `${message} ${cause.message}` : message
}

/** Gives name and stack of an unexpected error. Its message stays out: nobody knows what a foreign error quotes. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const places = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at "))
  return [error.name, ...places.slice(0, 12).map((line) => line.trim())].join(" ")
}
