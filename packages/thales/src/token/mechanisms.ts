/** First byte of a ciphertext, which says how it was made. Fixed permanently. */
export const mechanismMarks = { gcmWithOurVector: 1, gcmWithTokenVector: 2, keyWrap: 3 } as const

/** Names of the marks, for people. */
export const mechanismNames: Readonly<Record<number, string>> = {
  [mechanismMarks.gcmWithOurVector]: "CKM_AES_GCM with an initialization vector from the plugin",
  [mechanismMarks.gcmWithTokenVector]: "CKM_AES_GCM with an initialization vector from the HSM",
  [mechanismMarks.keyWrap]: "CKM_AES_KEY_WRAP with a digest of the context",
}
