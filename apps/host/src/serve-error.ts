/** An error that ends `apeiro-cmk-host`: one sentence, a next step, and the exit code. */
export class ServeError extends Error {
  readonly exitCode: number
  readonly nextStep: string

  constructor(exitCode: number, message: string, nextStep: string) {
    super(message)
    this.name = "ServeError"
    this.exitCode = exitCode
    this.nextStep = nextStep
  }
}
