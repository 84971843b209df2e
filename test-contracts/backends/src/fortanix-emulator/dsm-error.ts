/** An error response as DSM sends it: a status and a plain-text body. */
export class DsmError extends Error {
  readonly status: number
  /** Seconds, for the header Retry-After. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, text: string, retryAfterSeconds?: number) {
    super(text)
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The text by which DSM's client library recognises that it must ask for an approval (crate `sdkms` 0.5.1, `client.rs`). */
export const approvalNeeded = "This operation requires approval"

export const badRequest = (text: string) => new DsmError(400, text)
export const unauthorized = (text = "Unauthorized") => new DsmError(401, text)
export const forbidden = (text: string) => new DsmError(403, text)
export const notFound = (text: string) => new DsmError(404, text)
export const conflict = (text: string) => new DsmError(409, text)
