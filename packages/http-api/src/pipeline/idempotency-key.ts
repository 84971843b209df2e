/** Form of an `Idempotency-Key`: 1 to 255 visible ASCII characters. */
export const saneIdempotencyKey = /^[!-~]{1,255}$/
