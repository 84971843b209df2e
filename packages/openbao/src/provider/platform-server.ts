import {
  type OpenBaoAnswer,
  type OpenBaoClient,
  type OpenBaoRequest,
  unexpectedAnswer,
} from "@apeiro-cmk/openbao-client"
import type { CallOptions, Clock, JsonValue } from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { createTransit, type TransitPort } from "../client.ts"
import { createTransitAdministration, type TransitAdministration } from "../keys/key-administration.ts"
import type { ProvidedPlace } from "./place.ts"

/** One mounted engine or auth method. */
export interface Mount {
  readonly type: string
  readonly description: string
}

/** The kinds of mounts: each has its folder below `sys`. */
export type MountKind = "mounts" | "auth"

const namespaceShape = z.object({
  custom_metadata: z.record(z.string(), z.string()).nullish(),
  tainted: z.boolean().default(false),
})
const mountShape = z.object({ type: z.string(), description: z.string().default("") })
const markField = "apeiro-cmk"
const pauseMs = 100

/**
 * The platform's server, seen with the platform's credential, for one keystore and one call. Every method rejects with
 * a `PluginError`: DENIED when the platform's policy does not allow it, and every error that a request can throw.
 */
export class PlatformServer {
  readonly transit: Pick<TransitPort, "findKey">
  readonly administration: Pick<TransitAdministration, "create">
  readonly call: CallOptions
  readonly #client: OpenBaoClient
  readonly #place: ProvidedPlace
  readonly #clock: Clock

  constructor(client: OpenBaoClient, place: ProvidedPlace, clock: Clock, call: CallOptions) {
    this.transit = createTransit(client, place.at(place.mountPath))
    this.administration = createTransitAdministration(client, place.at(place.mountPath))
    this.call = call
    this.#client = client
    this.#place = place
    this.#clock = clock
  }

  /**
   * Reads the mark of a namespace. Waits while the server removes the namespace.
   * @returns the mark, empty when the namespace carries none; `undefined` when the namespace does not exist
   */
  async namespaceMark(name: string): Promise<string | undefined> {
    for (;;) {
      const answer = await this.#send({ method: "GET", path: `sys/namespaces/${name}` })
      if (answer.status === 404) return undefined
      const found = namespaceShape.safeParse(answer.data)
      if (answer.status !== 200 || !found.success) throw unexpectedAnswer(answer)
      if (!found.data.tainted) return found.data.custom_metadata?.[markField] ?? ""
      await this.#pause()
    }
  }

  /** Creates a namespace; an existing one gets this mark. Waits while another call creates or removes it. */
  async createNamespace(name: string, mark: string): Promise<void> {
    const body = Buffer.from(JSON.stringify({ custom_metadata: { [markField]: mark } }))
    for (;;) {
      const answer = await this.#send({ method: "POST", path: `sys/namespaces/${name}`, body, repeatable: true })
      if (answer.status < 300) return
      if (!answer.errors?.some((text) => text.includes("being created or deleted"))) throw unexpectedAnswer(answer)
      await this.#pause()
    }
  }

  /** Removes a namespace and everything in it, and waits until it is gone. */
  async removeNamespace(name: string): Promise<void> {
    await this.#change("DELETE", `sys/namespaces/${name}`)
    await this.namespaceMark(name)
  }

  /** Looks up a mount in the keystore's namespace. @returns `undefined` when nothing is mounted there */
  async mountAt(kind: MountKind, path: string): Promise<Mount | undefined> {
    const answer = await this.#send({ method: "GET", path: this.#place.at(`sys/${kind}/${path}`) })
    // OpenBao answers 400 when nothing is mounted there.
    if (answer.status === 400 && answer.errors?.some((text) => /^No (?:secret|auth) engine/.test(text))) {
      return undefined
    }
    const found = mountShape.safeParse(answer.data)
    if (answer.status !== 200 || !found.success) throw unexpectedAnswer(answer)
    return found.data
  }

  /** Writes JSON to a path of the keystore's namespace. @returns the answer's `data` */
  write(path: string, body: Readonly<Record<string, JsonValue>>): Promise<unknown> {
    return this.#change("POST", this.#place.at(path), body)
  }

  /** Reads a path of the keystore's namespace. @returns the answer's `data` */
  async read(path: string): Promise<unknown> {
    const answer = await this.#send({ method: "GET", path: this.#place.at(path) })
    if (answer.status !== 200) throw unexpectedAnswer(answer)
    return answer.data
  }

  /** Removes what is at a path of the keystore's namespace. Idempotent. */
  async remove(path: string): Promise<void> {
    await this.#change("DELETE", this.#place.at(path))
  }

  async #change(method: "POST" | "DELETE", path: string, body?: Readonly<Record<string, JsonValue>>): Promise<unknown> {
    const bytes = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }
    // Each of these may be sent twice: a repetition finds what the first request did.
    const answer = await this.#send({ method, path, ...bytes, repeatable: true })
    if (answer.status === 404) throw nothingThere(path)
    if (answer.status >= 300) throw unexpectedAnswer(answer)
    return answer.data
  }

  async #send(request: OpenBaoRequest): Promise<OpenBaoAnswer> {
    const answer = await this.#client.request(request, this.call)
    if (answer.status === 403) throw denied(request)
    return answer
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#clock.after(pauseMs, resolve)
    await abortable(promise, this.call.signal).finally(cancel)
  }
}

function nothingThere(path: string) {
  return pluginError(
    "INVALID_REQUEST",
    `The platform's OpenBao has nothing mounted for ${path}.`,
    "Prepare it as docs/guides/platform-openbao.md shows for the isolation that the platform section names.",
    { origin: "backend" },
  )
}

function denied({ method, path }: OpenBaoRequest) {
  return pluginError(
    "DENIED",
    `The platform's credential may not ${method === "GET" ? "read" : method === "DELETE" ? "remove" : "write"} ${path}.`,
    "Grant it the policy of docs/guides/platform-openbao.md, in the namespace that the platform section names.",
  )
}
