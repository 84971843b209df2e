import * as z from "zod"
import { type Access, type JsonAnswer, JsonServer } from "../json-server.ts"
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

/** A keystore over HTTP for the reference plugin, as a vendor's server is for a real one. */
export interface ReferenceServer {
  readonly host: string
  readonly port: number
  /** Bearer token that a caller must present. */
  readonly apiKey: string
  /** The keys themselves: the second route past HTTP and past the plugin. */
  readonly vault: ReferenceVault
  /** Fate of requests with the right key: `revoked` no longer knows the key, `denied` refuses everything. */
  access: Access
  /** Listens again, on the same port and with the same keys, after {@link close}. */
  start(): Promise<void>
  /** Refuses connections until {@link start}. Idempotent. */
  close(): Promise<void>
}

/** Starts a reference server on a free port of 127.0.0.1, without keys. */
export async function startReferenceServer(): Promise<ReferenceServer> {
  const server = new VaultServer(new ReferenceVault())
  await server.start()
  return server
}

class VaultServer extends JsonServer implements ReferenceServer {
  readonly vault: ReferenceVault

  constructor(vault: ReferenceVault) {
    super((body) => answerOf(vault, body))
    this.vault = vault
  }
}

function answerOf(vault: ReferenceVault, body: unknown): JsonAnswer {
  const parsed = requests.safeParse(body)
  if (!parsed.success) return { status: 400, body: { error: "bad-request" } }
  try {
    return { status: 200, body: carryOut(vault, parsed.data) }
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    return { status: error.refusal === "key-not-found" ? 404 : 409, body: { error: error.refusal } }
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
