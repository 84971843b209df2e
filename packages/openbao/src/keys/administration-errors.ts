import { failedError, type OpenBaoAnswer } from "@apeiro-cmk/openbao-client"
import type { PluginError } from "@apeiro-cmk/plugin-interface"
import { type AnswerMeaning, errorOfRow, orMisspelt, rowOf, transitError } from "../errors.ts"

const wrapAgain = "Get new import parameters, wrap the 32 bytes of the key with them, and import again."

/**
 * Answers of the transit engine when a key is created, rotated, deleted or imported; all other answers are in
 * errors.ts. The engine refuses many wrong requests with 500. Source: OpenBao 2.7.2, each row observed on a running
 * server.
 */
const administrationErrors = {
  rotateMissing: {
    status: 400,
    says: /^key not found/,
    code: "KEY_NOT_FOUND",
    message: "OpenBao has no such key.",
    nextStep: "Check the key's name, or create the key or import its material.",
  },
  configureMissing: {
    status: 400,
    says: /^no existing key named/,
    code: "KEY_NOT_FOUND",
    message: "OpenBao has no such key.",
    nextStep: "Check the key's name.",
  },
  deleteMissing: {
    status: 400,
    says: /could not delete key; not found/,
    code: "KEY_NOT_FOUND",
    message: "OpenBao has no such key.",
    nextStep: "Check the key's name.",
  },
  softDeleted: {
    status: 500,
    says: /refusing to use soft-deleted key/,
    code: "KEY_DISABLED",
    message: "The key is soft-deleted in OpenBao.",
    nextStep: "Restore it (`bao write -f KEY_PATH/soft-delete-restore`), then try again.",
  },
  importedNotRotated: {
    status: 500,
    says: /does not allow rotation within Vault/,
    code: "UNSUPPORTED",
    message: "The material of this key was imported, so OpenBao does not generate its next version.",
    nextStep: "Import new key material, which becomes the next version of the key.",
  },
  materialAltered: {
    status: 500,
    says: /crypto\/rsa: decryption error|kwp: /,
    code: "CIPHERTEXT_REJECTED",
    message: "OpenBao cannot unwrap the key material: it is altered, or wrapped with another public key.",
    nextStep: wrapAgain,
  },
  materialOfWrongSize: {
    status: 500,
    says: /invalid key size/,
    code: "INVALID_REQUEST",
    message: "The key material must have 32 bytes.",
    nextStep: wrapAgain,
  },
  importedAlready: {
    status: 500,
    says: /import path cannot be used with an existing key/,
    code: "INVALID_REQUEST",
    message: "OpenBao already has a key of this name, and these import parameters were for its first version.",
    nextStep: "Describe the key, and get new import parameters for a new version.",
  },
  administrationDenied: {
    status: 403,
    code: "DENIED",
    message: "The policy does not allow this key management operation.",
    nextStep: `Grant the key management permissions that the README of the plugin lists, here on KEY_PATH, do it in OpenBao, ${orMisspelt}.`,
  },
} as const satisfies Readonly<Record<string, AnswerMeaning>>

/**
 * Translates an answer that is not a success; a 500 without a row is a failure of the server.
 *
 * @param keyPath - path of the key, for commands in the next step
 */
export function administrationError(answer: OpenBaoAnswer, keyPath: string): PluginError {
  const name = rowOf(administrationErrors, answer)
  if (name !== undefined) return errorOfRow(administrationErrors[name], answer, keyPath)
  return answer.status >= 500 ? failedError(answer.status) : transitError(answer, keyPath)
}
