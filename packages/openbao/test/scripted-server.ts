import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { plugin } from "../src/index.ts"

/** Answers requests that the script does not answer. */
export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void

export const secretId = "secret-id-canary-0001"
export const token = "s.token-canary-0002"

export const login = { auth: { client_token: token, lease_duration: 3600, renewable: true } }
const lookup = { data: { ttl: 3600, renewable: true, policies: ["p"], num_uses: 0, id: token } }
const key = {
  data: {
    type: "aes256-gcm96",
    latest_version: 1,
    min_decryption_version: 1,
    exportable: false,
    allow_plaintext_backup: false,
    deletion_allowed: false,
    derived: false,
    keys: { "1": 1_790_000_000 },
  },
}

/**
 * Starts a server for answers that no OpenBao sends on demand. It does not emulate OpenBao: each test defines the
 * answers.
 */
export async function scripted(transit: Answer) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString()
      if (request.url?.endsWith("/login")) return json(response, 200, login)
      if (request.url?.endsWith("/lookup-self")) return json(response, 200, lookup)
      if (request.url?.endsWith("/sys/audit")) return json(response, 403, { errors: ["permission denied"] })
      if (request.method === "GET" && request.url?.endsWith("/keys/k")) return json(response, 200, key)
      return transit(request, response, body)
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  const services = testServices()
  const started = await openInProcess(plugin, {
    services,
    pluginConfiguration: { allowedEndpoints: ["http://127.0.0.1:*"], allowedAddresses: ["127.0.0.1/32"] },
  })
  const configuration = {
    vault_address: `http://127.0.0.1:${address.port}`,
    auth_method: "approle",
    role_id: "role",
    secret_id: secretId,
    key_name: "k",
  }
  const keystore = await started.openKeystore(configuration, testCall())
  closing.push(async () => {
    await started.stop()
    server.closeAllConnections()
    server.close()
  })
  return { keystore, services }
}

const closing: (() => Promise<void>)[] = []

/** Stops every scripted server, and the plugins that were connected to it. */
export async function closeScripted(): Promise<void> {
  await Promise.all(closing.splice(0).map((close) => close()))
}

/** Answers with a JSON body. */
export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
}
