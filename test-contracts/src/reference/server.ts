import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { z } from "zod"
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
  z.object({ operation: z.enum(["describe", "create", "enable", "disable", "rotate", "delete"]), key: z.string() }),
])

/** A keystore over HTTP for the reference plugin: what a real vendor's server is to a real plugin. */
export interface ReferenceServer {
  readonly host: string
  readonly port: number
  /** What a caller must present as its bearer token. */
  readonly apiKey: string
  /** The keys themselves: the second route past HTTP and past the plugin. */
  readonly vault: ReferenceVault
  /** Idempotent. */
  close(): Promise<void>
}

/** Starts a reference server on a free port of 127.0.0.1, without keys. */
export async function startReferenceServer(): Promise<ReferenceServer> {
  const vault = new ReferenceVault()
  const apiKey = `reference-${randomBytes(24).toString("base64url")}`
  const server = createServer((request, response) => {
    respond(request, response, vault, apiKey).catch((error: unknown) => response.destroy(error as Error))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the port of the server is unknown")
  return { host: "127.0.0.1", port: address.port, apiKey, vault, close: () => closeServer(server) }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  vault: ReferenceVault,
  apiKey: string,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const answer = (status: number, body: unknown) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
  }
  if (request.headers.authorization !== `Bearer ${apiKey}`) return answer(401, { error: "unauthorized" })
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
      vault.create(request.key)
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
  if (!server.listening) return
  const closed = once(server, "close")
  server.close()
  server.closeAllConnections()
  await closed
}
