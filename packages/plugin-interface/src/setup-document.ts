/** A document for the administrator of the backend: policy, commands, network rules. */
export interface SetupDocument {
  readonly title: string
  /** E.g. `openkcm-policy.hcl`. */
  readonly fileName: string
  /** Language of the text, for display: `hcl`, `json`, `bash`, `text`. */
  readonly language: string
  readonly text: string
}
