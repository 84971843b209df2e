import { setTimeout as delay } from "node:timers/promises"

const pauseMs = 10
const longestMs = 20_000

/** Asks for one data key after the other and notes when each came. */
export class DataKeyClient {
  readonly #url: string
  readonly #token: string
  #answeredAtMs: number[] = []
  #answers = 0
  #isStopped = false

  /** Starts at once. @param token - of a workload of that tenant, whose service key is `orders` */
  constructor(hostUrl: string, tenant: string, token: string) {
    this.#url = `${hostUrl}/v1/tenants/${tenant}/service-keys/orders/data-keys`
    this.#token = token
    void this.#run()
  }

  /** Data keys so far. */
  get answers(): number {
    return this.#answers
  }

  /** Returns how long after a moment each data key came, for those that came after it; forgets the earlier ones. */
  answersAfter(atMs: number): readonly number[] {
    this.#answeredAtMs = this.#answeredAtMs.filter((answeredAtMs) => answeredAtMs > atMs)
    return this.#answeredAtMs.map((answeredAtMs) => answeredAtMs - atMs)
  }

  stop(): void {
    this.#isStopped = true
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if (await this.#ask()) {
        this.#answers += 1
        this.#answeredAtMs.push(performance.now())
      }
      await delay(pauseMs)
    }
  }

  async #ask(): Promise<boolean> {
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
        body: "{}",
        signal: AbortSignal.timeout(longestMs),
      })
      await response.arrayBuffer()
      return response.status === 200
    } catch {
      return false // without an answer there is no data key
    }
  }
}
