import { HttpApiError } from "../errors.ts"

/** Pause before another try, in milliseconds. */
const retryAfterMs = 1000

/** Makes the error for a caller that has used up its share of something for now. */
export function tooManyRequests(message: string, nextStep: string): HttpApiError {
  return new HttpApiError("TOO_MANY_REQUESTS", message, { origin: "caller", retryable: true, nextStep, retryAfterMs })
}
