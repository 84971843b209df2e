/** A request of an app that others approve or deny. */
export interface ApprovalRequest {
  readonly id: string
  readonly requesterApp: string
  readonly createdAtMs: number
  readonly operation: string
  readonly method: string
  readonly body: unknown
  readonly description: string | undefined
  status: "PENDING" | "APPROVED" | "DENIED" | "FAILED"
  /** Set once the request was approved and run. */
  result: { readonly status: number; readonly body: unknown } | undefined
}
