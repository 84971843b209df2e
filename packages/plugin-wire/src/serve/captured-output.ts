import type { StdioData } from "../generated/plugin/grpc_stdio_pb.js"
import { StdioData_Channel } from "../generated/plugin/grpc_stdio_pb.js"

/** Output kept until the host asks for it; older output is dropped. */
const mostBufferedBytes = 65_536

/** Receives what a process writes to its standard output. */
export type OutputListener = (data: Pick<StdioData, "channel" | "data">) => void

/**
 * Keeps all writers away from the standard output: after the handshake line it belongs to the protocol, and a
 * dependency's `console.log` must do no harm.
 */
export class CapturedOutput {
  readonly #buffered: Buffer[] = []
  #bufferedBytes = 0
  #listener: OutputListener | undefined

  /** Captures a stream. @returns the original write, for the handshake line only */
  capture(stream: NodeJS.WriteStream): (text: string) => void {
    const write = stream.write.bind(stream)
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
      this.#take(typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk))
      for (const each of rest) if (typeof each === "function") queueMicrotask(() => each())
      return true
    }
    return (text) => void write(text)
  }

  /** Passes on the kept output, then all that follows; one listener at a time. @returns a function that ends it */
  listen(listener: OutputListener): () => void {
    this.#listener = listener
    for (const data of this.#buffered.splice(0)) listener({ channel: StdioData_Channel.STDOUT, data })
    this.#bufferedBytes = 0
    return () => {
      if (this.#listener === listener) this.#listener = undefined
    }
  }

  #take(data: Buffer): void {
    if (this.#listener !== undefined) {
      this.#listener({ channel: StdioData_Channel.STDOUT, data })
      return
    }
    this.#buffered.push(data)
    this.#bufferedBytes += data.length
    while (this.#bufferedBytes > mostBufferedBytes) this.#bufferedBytes -= this.#buffered.shift()?.length ?? 0
  }
}
