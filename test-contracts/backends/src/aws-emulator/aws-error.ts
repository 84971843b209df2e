/** An error response of the emulator, with the service's own code. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    super(message)
    this.name = "AwsError"
    this.code = code
    this.status = status
  }
}
