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
  message: "The path of the key file does not name a regular file in a folder.",
  nextStep: "Set keyFile to the path of a file, not of a folder or a symbolic link.",
} as const
const forbidden = {
  code: "INVALID_REQUEST",
  retryable: false,
  message: "The host may not read or write the key file.",
  nextStep: "Give the user of the host's process the key file and its folder.",
} as const
const full = {
  code: "UNREACHABLE",
  retryable: true,
  message: "There is no space left for the key file.",
  nextStep: "Make room on the disk of the key file.",
} as const

/** What the operating system says about the key file, and what it means. Source: errno(3). */
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
    message: "The folder of the key file cannot be written to.",
    nextStep: "Set keyFile to a path on a file system that can be written to.",
  },
}

const otherFileError: FileErrorMeaning = {
  code: "UNREACHABLE",
  retryable: true,
  message: "The key file could not be read or written.",
  nextStep: "Look up the error code of the cause, and check the disk.",
}

/** Translates an error of the file system; a `PluginError` passes unchanged by not being given here. */
export function fileError(error: unknown): PluginError {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : ""
  const { code: pluginCode, retryable, message, nextStep } = fileErrors[code] ?? otherFileError
  return pluginError(pluginCode, message, nextStep, { origin: "host", retryable, cause: scrubbedCause(error) })
}

/** The key file can be read by others, or is theirs: its keys must count as known. */
export function exposedKeyFile(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "The key file belongs to another user, or others than its owner may read or write it.",
    "Set its mode to 0600 and its owner to the host's user; if others could read it, use a new key file.",
    { origin: "host" },
  )
}

/** The key file is damaged or is another file. */
export function invalidKeyFile(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "The key file has not the size or the content of a key file.",
    "Restore the key file from its backup, or set keyFile to another path.",
    { origin: "host" },
  )
}

/** The key file is not the one that this process read or wrote last. */
export function changedKeyFile(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "The key file was changed or removed while the host was running.",
    "Let no other host use the same key file, and restart this one.",
    { origin: "host" },
  )
}

export function keyNotFound(): PluginError {
  return pluginError(
    "KEY_NOT_FOUND",
    "The key file has no key of this name.",
    "Correct key_name, or have the operator add the name to keyNames of the plugin.",
  )
}

export function keyDisabled(): PluginError {
  return pluginError("KEY_DISABLED", "The key is disabled.", "Enable the key; service resumes at once.")
}

/** One error for whatever is wrong with a ciphertext: it never says what. */
export function ciphertextRejected(): PluginError {
  return pluginError(
    "CIPHERTEXT_REJECTED",
    "The ciphertext does not open under this key, version and context.",
    "Pass the ciphertext, its key version and its context as they were returned.",
  )
}

export function invalidPlaintext(): PluginError {
  return pluginError("INVALID_REQUEST", "The plaintext must have 1 to 4096 bytes.", "Pass a plaintext of that length.")
}

export function invalidKeyName(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "The name of a key must be 1 to 100 letters, digits, dots, dashes and underscores.",
    "Choose a name of that form.",
  )
}

export function keystoreClosed(): PluginError {
  return pluginError("CANCELLED", "The keystore was closed.", "Open the keystore again.")
}

export function notStarted(): PluginError {
  return pluginError("INTERNAL", "The plugin is not started.", "Start the plugin before its keystores are used.")
}
