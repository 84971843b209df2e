import type { Meanings } from "../json-client.ts"

/** Meanings of the errors that the reference keystore answers. One row each. */
export const keystoreMeanings: Meanings = {
  "key-not-found": { code: "KEY_NOT_FOUND", nextStep: "Correct key_name, or create the key." },
  "key-disabled": { code: "KEY_DISABLED", nextStep: "Enable the key at the reference server." },
  "key-exists": { code: "INVALID_REQUEST", nextStep: "Import into a key that waits for its material." },
  "ciphertext-rejected": { code: "CIPHERTEXT_REJECTED", nextStep: "Pass the ciphertext with its own key and context." },
}
