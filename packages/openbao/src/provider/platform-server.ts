import {
  type OpenBaoAnswer,
  type OpenBaoClient,
  type OpenBaoRequest,
  unexpectedAnswer,
} from "@apeiro-cmk/openbao-client"
import type { CallOptions, Clock, JsonValue } from "@apeiro-cmk/plugin-interface"
import { abortReason, pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { createTransit, type TransitPort } from "../client.ts"
import { createTransitAdministration, type TransitAdministration } from "../keys/key-administration.ts"
import type { ProvidedPlace } from "./place.ts"

/** What is mounted somewhere. */
export interface Mount {
  readonly type: string
  readonly description: string
}

/** The kinds of mounts: each has its folder below `sys`. */
export type MountKind = "mounts" | "auth"

/** The platform's server as its administrator's credential sees it, for one keystore and one call. */
export interface PlatformServer {
  readonly transit: Pick<TransitPort, "findKey">
  readonly administration: Pick<TransitAdministration, "create">
  readonly call: CallOptions
  /** @returns its mark, empty where it carries none; `undefined` when there is no such namespace, or none any more */
  namespaceMark(name: string): Promise<string | undefined>
  /** Makes a namespace; one that exists gets this mark. Waits while another call makes or removes it. */
  createNamespace(name: string, mark: string): Promise<void>
  /** Removes a namespace with all that is in it, and waits for its end. */
  removeNamespace(name: string): Promise<void>
  /** @returns what is mounted in the keystore's namespace; `undefined` when nothing is */
  mountAt(kind: MountKind, path: string): Promise<Mount | undefined>
  /** Writes JSON in the keystore's namespace. @returns the answer's `data` */
  write(path: string, body: Readonly<Record<string, JsonValue>>): Promise<unknown>
  read(path: string): Promise<unknown>
  /** Removes what is there; what is not there is removed. */
  remove(path: string): Promise<void>
}

const namespaceShape = z.object({
  custom_metadata: z.record(z.string(), z.string()).nullish(),
  tainted: z.boolean().default(false),
})
const mountShape = z.object({ type: z.string(), description: z.string().default("") })
const markField = "apeiro-cmk"
const pauseMs = 100

/** Puts a client behind the {@link PlatformServer}. */
export function createPlatformServer(
  client: OpenBaoClient,
  place: ProvidedPlace,
  clock: Clock,
  call: CallOptions,
): PlatformServer {
  async function send(request: OpenBaoRequest): Promise<OpenBaoAnswer> {
    const answer = await client.request(request, call)
    if (answer.status === 403) throw denied(request)
    return answer
  }

  async function change(method: "POST" | "DELETE", path: string, body?: Readonly<Record<string, JsonValue>>) {
    const bytes = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }
    // Each of these may be sent twice: the second time finds what the first one did.
    const answer = await send({ method, path, ...bytes, repeatable: true })
    if (answer.status >= 300) throw unexpectedAnswer(answer)
    return answer.data
  }

  /** Waits while the server removes it. */
  async function namespaceMark(name: string): Promise<string | undefined> {
    for (;;) {
      const answer = await send({ method: "GET", path: `sys/namespaces/${name}` })
      if (answer.status === 404) return undefined
      const found = namespaceShape.safeParse(answer.data)
      if (answer.status !== 200 || !found.success) throw unexpectedAnswer(answer)
      if (!found.data.tainted) return found.data.custom_metadata?.[markField] ?? ""
      await pause(clock, call.signal)
    }
  }

  return {
    transit: createTransit(client, place.at(place.mountPath)),
    administration: createTransitAdministration(client, place.at(place.mountPath)),
    call,
    namespaceMark,
    async createNamespace(name, mark) {
      const body = Buffer.from(JSON.stringify({ custom_metadata: { [markField]: mark } }))
      for (;;) {
        const answer = await send({ method: "POST", path: `sys/namespaces/${name}`, body, repeatable: true })
        if (answer.status < 300) return
        if (!answer.errors?.some((text) => text.includes("being created or deleted"))) throw unexpectedAnswer(answer)
        await pause(clock, call.signal)
      }
    },
    async removeNamespace(name) {
      await change("DELETE", `sys/namespaces/${name}`)
      await namespaceMark(name)
    },
    async mountAt(kind, path) {
      const answer = await send({ method: "GET", path: place.at(`sys/${kind}/${path}`) })
      // The server's words for "nothing is mounted here" come with a 400.
      if (answer.status === 400 && answer.errors?.some((text) => /^No (?:secret|auth) engine/.test(text)))
        return undefined
      const found = mountShape.safeParse(answer.data)
      if (answer.status !== 200 || !found.success) throw unexpectedAnswer(answer)
      return found.data
    },
    write: (path, body) => change("POST", place.at(path), body),
    async read(path) {
      const answer = await send({ method: "GET", path: place.at(path) })
      if (answer.status !== 200) throw unexpectedAnswer(answer)
      return answer.data
    },
    async remove(path) {
      await change("DELETE", place.at(path))
    },
  }
}

function denied({ method, path }: OpenBaoRequest) {
  return pluginError(
    "DENIED",
    `The platform's credential may not ${method === "GET" ? "read" : method === "DELETE" ? "remove" : "write"} ${path}.`,
    "Give it the policy of docs/guides/platform-openbao.md, in the namespace that the platform section names.",
  )
}

async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const cancel = clock.after(pauseMs, resolve)
  const give = () => reject(abortReason(signal))
  signal.addEventListener("abort", give, { once: true })
  try {
    if (signal.aborted) give()
    await promise
  } finally {
    cancel()
    signal.removeEventListener("abort", give)
  }
}
