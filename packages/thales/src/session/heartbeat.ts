import type { Clock } from "@apeiro-cmk/plugin-interface"

/** Options of a {@link Heartbeat}; times are in milliseconds. */
export interface HeartbeatOptions {
  readonly intervalMs: number
  /** Longest silence of a process that has answered before. */
  readonly silenceMs: number
  /** Longest silence of a process that has not answered yet: starting takes longer on a busy machine. */
  readonly startTimeoutMs: number
  readonly clock: Clock
  /** Asks the process for a sign of life. */
  readonly ping: () => void
  /** Called once, when the silence has lasted too long. */
  readonly onSilence: () => void
}

/** Watches a process that may hang: a library that hangs in a synchronous call answers nothing at all. */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  #lastHeardMs: number
  #lastBeatMs: number
  #limitMs: number
  #cancel: () => void = () => undefined

  /** Begins to watch at once. */
  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#lastHeardMs = options.clock.monotonicMs()
    this.#lastBeatMs = this.#lastHeardMs
    this.#limitMs = Math.max(options.silenceMs, options.startTimeoutMs)
    this.#beat()
  }

  /** Notes a sign of life. */
  hear(): void {
    this.#lastHeardMs = this.#options.clock.monotonicMs()
    this.#limitMs = this.#options.silenceMs
  }

  /** Stops watching. Idempotent. */
  stop(): void {
    this.#cancel()
  }

  #beat(): void {
    const { clock, intervalMs, ping, onSilence } = this.#options
    const nowMs = clock.monotonicMs()
    // While this process itself was late, the answers of the other one may be waiting: that time is not silence.
    this.#lastHeardMs += Math.max(0, nowMs - this.#lastBeatMs - intervalMs)
    this.#lastBeatMs = nowMs
    if (nowMs - this.#lastHeardMs > this.#limitMs) {
      onSilence()
      return
    }
    ping()
    this.#cancel = clock.after(intervalMs, () => this.#beat())
  }
}
