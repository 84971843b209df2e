import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:http"

/** The keystore itself: AES-256-GCM keys in memory behind a few HTTP calls. Yours is a product; this one is only for the example. */
export class PocketKms {
  host = "127.0.0.1"
  port = 0
  access = "allowed"
  token = `pocket-${randomBytes(24).toString("base64url")}`
  #keys = new Map()
  #server

  async start() {
    this.#server = createServer((request, response) => {
      this.#respond(request, response).catch((error) => response.destroy(error))
    })
    await once(this.#server.listen(this.port, this.host), "listening")
    this.port = this.#server.address().port
  }

  async stop() {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server.close(), "close")
    server.closeAllConnections()
    await closed
  }

  has(name) {
    return this.#keys.has(name)
  }

  create(name) {
    if (!this.has(name)) this.#keys.set(name, { serial: randomBytes(8).toString("hex"), material: randomBytes(32) })
    return { serial: this.#keys.get(name).serial }
  }

  delete(name) {
    this.#keys.delete(name)
  }

  encrypt(name, plaintext, boundTo) {
    const nonce = randomBytes(12)
    const cipher = createCipheriv("aes-256-gcm", this.#keys.get(name).material, nonce).setAAD(boundTo)
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }

  /** Throws when the ciphertext cannot be decrypted. */
  decrypt(name, ciphertext, boundTo) {
    if (ciphertext.length < 28) throw new Error("too short")
    const decipher = createDecipheriv("aes-256-gcm", this.#keys.get(name).material, ciphertext.subarray(0, 12))
    decipher.setAAD(boundTo).setAuthTag(ciphertext.subarray(-16))
    return Buffer.concat([decipher.update(ciphertext.subarray(12, -16)), decipher.final()])
  }

  async #respond(request, response) {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const answer = (status, body = {}) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
    }
    if (request.headers.authorization !== `Bearer ${this.token}` || this.access === "revoked") return answer(401)
    if (this.access === "denied") return answer(403)
    const [, , name, operation] = request.url.split("/")
    if (request.method === "PUT") return answer(200, this.create(name))
    if (!this.has(name)) return answer(404)
    const { serial } = this.#keys.get(name)
    if (request.method === "DELETE") this.delete(name)
    if (request.method !== "POST") return answer(200, { serial })
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8"))
    const bytes = (text) => Buffer.from(text, "base64")
    if (operation === "encrypt") {
      const ciphertext = this.encrypt(name, bytes(body.plaintext), bytes(body.bound_to)).toString("base64")
      return answer(200, { serial, ciphertext })
    }
    try {
      const plaintext = this.decrypt(name, bytes(body.ciphertext), bytes(body.bound_to)).toString("base64")
      answer(200, { serial, plaintext })
    } catch {
      answer(422)
    }
  }
}
