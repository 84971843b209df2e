/**
 * The reference: `node:http` and the cryptography of one data key, with an envelope of the same length. No token, no tenant,
 * no audit log. A separate process: its first line of output is its address.
 */
import { createCipheriv, createSecretKey, hkdfSync, randomBytes } from "node:crypto"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

const parent = createSecretKey(randomBytes(32))
const header = randomBytes(148)
const info = Buffer.concat([Buffer.from("apeiro-cmk/v1/data-key"), header])
const nonce = Buffer.alloc(12)

/** The least that an envelope of docs/envelope.md costs: fresh key and salt, derivation, commitment, AES-256-GCM. */
function dataKey(): { plaintext: string; envelope: string } {
  const plaintext = randomBytes(32)
  const salt = randomBytes(32)
  const derived = Buffer.from(hkdfSync("sha512", parent, salt, info, 64))
  const cipher = createCipheriv("aes-256-gcm", createSecretKey(derived.subarray(0, 32)), nonce, { authTagLength: 16 })
  cipher.setAAD(header)
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const envelope = Buffer.concat([header, salt, derived.subarray(32), ciphertext, cipher.getAuthTag()])
  return { plaintext: plaintext.toString("base64"), envelope: envelope.toString("base64") }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    JSON.parse(Buffer.concat(chunks).toString("utf8"))
    const body = Buffer.from(JSON.stringify(dataKey()))
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length }).end(body)
  })
})
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
