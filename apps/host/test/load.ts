import type { HostClient } from "./host-client.ts"
import { text } from "./values.ts"

/** Requests that a host answered with success. */
export interface Load {
  readonly answered: readonly { readonly envelope: string; readonly plaintext: string; readonly entryId: string }[]
  /** Names of service keys. */
  readonly created: readonly string[]
  /** Answers other than success during the load. */
  readonly refused: readonly string[]
  /** Ends the load, and waits for its last requests. */
  stop(): Promise<void>
}

/**
 * Sends without a pause, 16 requests for data keys and 4 for service keys at a time, until it is stopped or the host is
 * gone. @param lane - keeps the names of several loads apart
 */
export function startLoad(client: HostClient, tenant: string, lane: string): Load {
  const serviceKeys = `/v1/tenants/${tenant}/service-keys`
  const answered: { envelope: string; plaintext: string; entryId: string }[] = []
  const created: string[] = []
  const refused: string[] = []
  let isOn = true
  const send = async (path: string, body: unknown, status: number) => {
    const answer = await client.send("POST", path, { body }).catch(() => undefined)
    if (answer?.status === status) return answer.body
    if (isOn) refused.push(answer?.text ?? "no answer")
    return undefined
  }
  const generating = Array.from({ length: 16 }, async () => {
    while (isOn) {
      const body = await send(`${serviceKeys}/payments/data-keys`, {}, 200)
      if (body === undefined) return
      const { envelope, plaintext, audit_entry_id } = body
      answered.push({ envelope: text(envelope), plaintext: text(plaintext), entryId: text(audit_entry_id) })
    }
  })
  const creating = Array.from({ length: 4 }, async (_none, number) => {
    for (let count = 0; isOn; count++) {
      const name = `${lane}-${number}-${count}`
      if ((await send(serviceKeys, { name }, 201)) === undefined) return
      created.push(name)
    }
  })
  return {
    answered,
    created,
    refused,
    stop: async () => {
      isOn = false
      await Promise.all([...generating, ...creating])
    },
  }
}
