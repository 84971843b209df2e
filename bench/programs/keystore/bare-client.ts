import { Pool } from "undici"
import * as z from "zod"
import type { Transit } from "./transit.ts"

const answerSchema = z.object({
  data: z.object({ ciphertext: z.string().optional(), plaintext: z.string().optional() }),
})

/** Decrypts with the HTTP library alone: one pool with as many connections as the plugin has, no checks, no deadline. */
export function bareDecrypt(transit: Transit): () => Promise<unknown> {
  const pool = new Pool(`http://127.0.0.1:${transit.port}`, { connections: 16 })
  transit.closers.push(() => pool.close())
  const headers = { "X-Vault-Token": transit.token, "Content-Type": "application/json" }
  const send = async (use: "encrypt" | "decrypt", body: unknown) => {
    const path = `/v1/${transit.mount}/${use}/${transit.key}`
    const { body: answer, statusCode } = await pool.request({
      method: "POST",
      path,
      headers,
      body: JSON.stringify(body),
    })
    if (statusCode !== 200) throw new Error(`OpenBao answered ${statusCode}`)
    return answerSchema.parse(await answer.json()).data
  }
  const sealed = send("encrypt", { plaintext: Buffer.alloc(32).toString("base64") })
  return async () => send("decrypt", { ciphertext: (await sealed).ciphertext })
}
