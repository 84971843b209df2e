/** How a ciphertext was made: its first byte. Fixed for ever. */
export const mechanismMarks = { gcmWithOurVector: 1, gcmWithTokenVector: 2, keyWrap: 3 } as const

/** What a mark means, for people. */
export const mechanismNames: Readonly<Record<number, string>> = {
  [mechanismMarks.gcmWithOurVector]: "CKM_AES_GCM under a vector of ours",
  [mechanismMarks.gcmWithTokenVector]: "CKM_AES_GCM under a vector of the HSM's",
  [mechanismMarks.keyWrap]: "CKM_AES_KEY_WRAP with a digest of the context",
}
