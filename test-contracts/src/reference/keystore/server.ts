import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import * as z from "zod"
import { wrappingPublicKey } from "./key-import.ts"
import { ReferenceVault, VaultError } from "./vault.ts"

const bytes = z.base64().transform((text) => Buffer.from(text, "base64"))
const requests = z.discriminatedUnion("operation", [
  z.object({ operation: z.literal("encrypt"), key: z.string(), plaintext: bytes, associatedData: bytes }),
  z.object({
    operation: z.literal("decrypt"),
    key: z.string(),
    version: z.number(),
    ciphertext: bytes,
    associatedData: bytes,
  }),
  z.object({ operation: z.literal("create"), key: z.string(), origin: z.enum(["generate", "import"]) }),
  z.object({ operation: z.literal("import"), key: z.string(), material: bytes, token: z.string() }),
  z.object({
    operation: z.enum(["describe", "enable", "disable", "rotate", "delete", "importParameters"]),
    key: z.string(),
  }),
])

/** A keystore over HTTP for the reference plugin: what a real vendor's server is to a real plugin. */
export interface ReferenceServer {
  readonly host: string
  readonly port: number
  /** What a caller must present as its bearer token. */
  readonly apiKey: string
  /** The keys themselves: the second route past HTTP and past the plugin. */
  readonly vault: ReferenceVault
  /** What happens to requests with the right key: `revoked` no longer knows the key, `denied` lets it do nothing. */
  access: "allowed" | "denied" | "revoked"
  /** Listens again, on the same port and with the same keys, after {@link close}. */
  start(): Promise<void>
  /** Refuses connections until {@link start}. Idempotent. */
  close(): Promise<void>
}

/** Starts a reference server on a free port of 127.0.0.1, without keys. */
export async function startReferenceServer(): Promise<ReferenceServer> {
  const started = new VaultServer()
  await started.start()
  return started
}

class VaultServer implements ReferenceServer {
  readonly host = "127.0.0.1"
  readonly vault = new ReferenceVault()
  readonly apiKey = `reference-${randomBytes(24).toString("base64url")}`
  access: ReferenceServer["access"] = "allowed"
  port = 0
  #server: Server | undefined

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      respond(request, response, this).catch((error: unknown) => response.destroy(error as Error))
    })
    server.listen(this.port, this.host)
    await once(server, "listening")
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("the port of the server is unknown")
    this.port = address.port
    this.#server = server
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server !== undefined) await closeServer(server)
  }
}

async function respond(request: IncomingMessage, response: ServerResponse, server: VaultServer): Promise<void> {
  const { vault, apiKey, access } = server
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const answer = (status: number, body: unknown) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
  }
  const known = request.headers.authorization === `Bearer ${apiKey}` && access !== "revoked"
  if (!known) return answer(401, { error: "unauthorized" })
  if (access === "denied") return answer(403, { error: "denied" })
  const parsed = requests.safeParse(JSON.parse(Buffer.concat(chunks).toString("utf8")))
  if (!parsed.success) return answer(400, { error: "bad-request" })
  try {
    answer(200, carryOut(vault, parsed.data))
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    answer(error.refusal === "key-not-found" ? 404 : 409, { error: error.refusal })
  }
}

function carryOut(vault: ReferenceVault, request: z.infer<typeof requests>): unknown {
  switch (request.operation) {
    case "encrypt": {
      const { ciphertext, version } = vault.encrypt(request.key, request.plaintext, request.associatedData)
      return { ciphertext: ciphertext.toString("base64"), version }
    }
    case "decrypt": {
      const opened = vault.decrypt(request.key, request.version, request.ciphertext, request.associatedData)
      return { plaintext: Buffer.from(opened).toString("base64") }
    }
    case "create":
      vault.create(request.key, request.origin)
      break
    case "importParameters":
      return { publicKey: wrappingPublicKey(), token: vault.describe(request.key).serial }
    case "import":
      vault.import(request.key, request.material, request.token)
      break
    case "enable":
      vault.setState(request.key, "ENABLED")
      break
    case "disable":
      vault.setState(request.key, "DISABLED")
      break
    case "rotate":
      vault.rotate(request.key)
      break
    case "delete":
      vault.delete(request.key)
      return {}
    case "describe":
      break
  }
  return vault.describe(request.key)
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close")
  server.close()
  server.closeAllConnections()
  await closed
}
