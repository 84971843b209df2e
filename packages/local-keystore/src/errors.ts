import type { PluginError, PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { pluginError, scrubbedCause } from "@apeiro-cmk/plugin-sdk"

interface FileErrorMeaning {
  readonly code: PluginErrorCode
  readonly retryable: boolean
  readonly message: string
  readonly nextStep: string
}

const misplaced = {
  code: "INVALID_REQUEST",
  retryable: false,
  message: "The path of the key file does not lead to a regular file.",
  nextStep: "Set keyFile to the path of a file, not of a folder or a symbolic link.",
} as const
const forbidden = {
  code: "INVALID_REQUEST",
  retryable: false,
  message: "The host is not permitted to read or write the key file.",
  nextStep: "Make the user of the host's process the owner of the key file and its folder.",
} as const
const full = {
  code: "UNREACHABLE",
  retryable: true,
  message: "The disk with the key file is full.",
  nextStep: "Free some space on the disk with the key file.",
} as const

/** The meaning of each error of the operating system. Source: errno(3). */
const fileErrors: Readonly<Record<string, FileErrorMeaning>> = {
  EACCES: forbidden,
  EPERM: forbidden,
  EISDIR: misplaced,
  ELOOP: misplaced,
  ENOTDIR: misplaced,
  ENOSPC: full,
  EDQUOT: full,
  EROFS: {
    code: "INVALID_REQUEST",
    retryable: false,
    message: "The folder of the key file is read-only.",
    nextStep: "Set keyFile to a path on a writable file system.",
  },
}

const otherFileError: FileErrorMeaning = {
  code: "UNREACHABLE",
  retryable: true,
  message: "The key file could not be read or written.",
  nextStep: "Look up the error code of the cause, and check the disk.",
}

/** Translates an error of the file system; pass no `PluginError`. */
export function fileError(error: unknown): PluginError {
  const { code, retryable, message, nextStep } = fileErrors[systemCode(error)] ?? otherFileError
  return pluginError(code, message, nextStep, { origin: "host", retryable, cause: scrubbedCause(error) })
}

/** Returns the code of an error of the operating system, e.g. `ENOENT`; empty for any other value. */
export function systemCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : ""
}

/** Makes the error for a key file that others own or can read: its keys must count as known. */
export function exposedKeyFile(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "The key file belongs to another user, or users other than its owner may read or write it.",
    "Set its mode to 0600 and its owner to the host's user; if others may have read it, use a new key file.",
    { origin: "host" },
  )
}

/** Makes the error for a key file that is damaged, or is another kind of file. */
export function invalidKeyFile(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "The file at keyFile does not have the size or content of a key file.",
    "Restore the key file from its backup, or set keyFile to another path.",
    { origin: "host" },
  )
}

/** Makes the error for a key file that is not the one that this process last read or wrote. */
export function changedKeyFile(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "The key file was changed or removed while the host was running.",
    "Make sure that no other host uses the same key file, then restart this host.",
    { origin: "host" },
  )
}

/** Makes the error for a key name that the file does not have. */
export function keyNotFound(): PluginError {
  return pluginError(
    "KEY_NOT_FOUND",
    "The key file has no key with this name.",
    "Correct key_name, or have the operator add the name to keyNames of the plugin.",
  )
}

/** Makes the error for a disabled key. */
export function keyDisabled(): PluginError {
  return pluginError("KEY_DISABLED", "The key is disabled.", "Enable the key; service then resumes at once.")
}

/** Makes the one error for every fault of a ciphertext; it never says which. */
export function ciphertextRejected(): PluginError {
  return pluginError(
    "CIPHERTEXT_REJECTED",
    "The ciphertext cannot be decrypted with this key, version and context.",
    "Pass the ciphertext and key version that one encrypt returned, with the same context.",
  )
}

/** Makes the error for a plaintext that is too short or too long. */
export function invalidPlaintext(): PluginError {
  return pluginError("INVALID_REQUEST", "The plaintext must have 1 to 4096 bytes.", "Wrap a key, not data.")
}

/** Makes the error for a malformed key name. */
export function invalidKeyName(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "Not a valid key name: it must be 1 to 100 letters, digits, dots, dashes and underscores.",
    "Choose another name.",
  )
}

/** Makes the error for a call after `close`. */
export function keystoreClosed(): PluginError {
  return pluginError("CANCELLED", "The keystore was closed.", "Open the keystore again.")
}

/** Makes the error for a call before the plugin's start or after its stop. */
export function notStarted(): PluginError {
  return pluginError("INTERNAL", "The plugin is not running.", "Start the plugin before using its keystores.")
}
