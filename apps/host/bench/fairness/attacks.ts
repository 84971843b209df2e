import { connect } from "node:net"
import * as z from "zod"
import { hostileTenant, type TenantAccess } from "./tenants.ts"

/** Form of an order. */
export const attackOrder = z.object({
  attack: z.string(),
  url: z.string(),
  access: z.custom<TenantAccess>(),
})

/** Everything that a hostile thread needs to know. */
export type AttackOrder = z.infer<typeof attackOrder>

/** One way to cost others something. It runs until its thread is ended. */
interface Attack {
  /** Row of the table: the item and what is tried. */
  readonly title: string
  readonly needsNames?: true
  /** Keystores and service keys that the hostile tenant leaves behind first. */
  readonly needsFilling?: true
  run(order: AttackOrder): void
}

/** Every row of the table. */
export const attacks = {
  names: {
    title: "A.1 64 tests of names whose server is silent",
    needsNames: true,
    run: (order) =>
      loops(64, (loop, round) => {
        const address = `https://slow-${loop}-${round}.example`
        return post(order, "keystores/test", withFields(order, { vault_address: address }))
      }),
  },
  connections: {
    title: "A.2 60 logins that hang at the same server",
    run: (order) => loops(60, () => post(order, "keystores/test", withFields(order, { auth_mount_path: "hanging" }))),
  },
  readers: {
    title: "A.3 150 readers of the list of keystores that never read",
    needsFilling: true,
    run: (order) =>
      loops(150, () => rawRequest(order, `GET /v1/tenants/${hostileTenant}/keystores HTTP/1.1`, "", "never")),
  },
  unknownKeys: {
    title: "A.4 29,000 unknown keys",
    run: (order) => {
      const keys = Object.fromEntries(Array.from({ length: 29_000 }, (_, index) => [`unknown-${index}`, 1]))
      const body = JSON.stringify(withFields(order, keys))
      return loops(8, () => post(order, "keystores/test", body))
    },
  },
  patterns: {
    title: "A.4 long texts for every pattern, by a reader",
    run: (order) => {
      const bodies = hostileTexts().flatMap((text) =>
        ["vault_address", "auth_mount_path", "mount_path", "key_name", "role_id"].map((field) =>
          JSON.stringify(withFields(order, { [field]: text })),
        ),
      )
      const path = "keystores/setup-material"
      return loops(8, (loop, round) => post(order, path, bodies[(loop + 8 * round) % bodies.length], "reader"))
    },
  },
  batches: {
    title: "A.5 200 batches of 100 data keys",
    run: (order) => {
      const body = JSON.stringify({ operations: Array.from({ length: 100 }, () => ({ generate: {} })) })
      return loops(200, () => post(order, "service-keys/orders/data-keys/batch", body, "workload"))
    },
  },
  verifications: {
    title: "A.5 tenant verify by 8 at once",
    needsFilling: true,
    run: (order) => loops(8, () => send(order, "GET", "verify", undefined, "administrator")),
  },
  tests: {
    title: "A.6 tests of saved keystores by 32 at once",
    needsFilling: true,
    run: (order) => loops(32, (loop, round) => post(order, `keystores/large-${(loop + 32 * round) % 600}/test`, "{}")),
  },
  bodies: {
    title: "A.7 20 bodies that never end",
    run: (order) =>
      loops(20, () =>
        rawRequest(
          order,
          `POST /v1/tenants/${hostileTenant}/keystores/test HTTP/1.1`,
          "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
          "forever",
        ),
      ),
  },
} as const satisfies Readonly<Record<string, Attack>>

/** Name of a row. */
export type AttackName = keyof typeof attacks

const pauseAfterRefusalMs = 2

/** Runs a number of loops without end. A refusal is an answer like any other. */
function loops(count: number, once: (loop: number, round: number) => Promise<unknown>): void {
  for (let loop = 0; loop < count; loop += 1) void endless(loop, once)
}

async function endless(loop: number, once: (loop: number, round: number) => Promise<unknown>): Promise<never> {
  for (let round = 0; ; round += 1) {
    try {
      await once(loop, round)
    } catch {
      // The host may cut the connection of a hostile client: that is what it should do.
    }
    await new Promise((resolve) => setTimeout(resolve, pauseAfterRefusalMs))
  }
}

function withFields({ access }: AttackOrder, fields: Readonly<Record<string, unknown>>) {
  return { ...access.keystore, configuration: { ...access.keystore.configuration, ...fields } }
}

function post(
  order: AttackOrder,
  path: string,
  body: unknown,
  role: "administrator" | "workload" | "reader" = "administrator",
): Promise<unknown> {
  return send(order, "POST", path, typeof body === "string" ? body : JSON.stringify(body), role)
}

async function send(
  { url, access }: AttackOrder,
  method: string,
  path: string,
  body: string | undefined,
  role: "administrator" | "workload" | "reader",
): Promise<unknown> {
  const response = await fetch(`${url}/v1/tenants/${hostileTenant}/${path}`, {
    method,
    headers: { authorization: `Bearer ${access[role]}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body }),
  })
  return response.arrayBuffer()
}

const chunk = Buffer.from(`10000\r\n${" ".repeat(0x10000)}\r\n`)

/** Sends a request by hand and then either never reads, or never stops to send. Ends with its connection. */
function rawRequest({ url, access }: AttackOrder, line: string, headers: string, mode: "never" | "forever") {
  const { hostname, port } = new URL(url)
  return new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.on("error", () => undefined)
    socket.on("close", () => resolve())
    socket.write(`${line}\r\nHost: ${hostname}\r\nAuthorization: Bearer ${access.administrator}\r\n${headers}\r\n`)
    if (mode === "never") socket.pause()
    else {
      socket.resume()
      const more = () => {
        while (socket.writable && socket.write(chunk));
      }
      socket.on("drain", more)
      more()
    }
  })
}

function hostileTexts(): readonly string[] {
  const length = 60_000
  return ["a", "/", ".", "-", " ", "%", "a/", "a.", "a-", "á", "\u0301"].flatMap((unit) => [
    unit.repeat(length / unit.length),
    `https://${unit.repeat(length / unit.length)}!`,
    `${unit.repeat(length / unit.length)}\u0000`,
  ])
}
