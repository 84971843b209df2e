/** One request as it arrived. */
export interface AwsRequest {
  readonly method: string
  readonly path: string
  /** Decoded, in order. */
  readonly query: readonly (readonly [string, string])[]
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** What is sent back. */
export interface AwsAnswer {
  readonly status: number
  readonly contentType: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}
