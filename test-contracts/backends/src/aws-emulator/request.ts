/** One incoming request. */
export interface AwsRequest {
  readonly method: string
  readonly path: string
  /** Decoded, in order. */
  readonly query: readonly (readonly [string, string])[]
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** The response. */
export interface AwsAnswer {
  readonly status: number
  readonly contentType: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}
