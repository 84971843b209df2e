import { CodedError } from "@apeiro-cmk/plugin-interface"

/** Codes of the errors of the host itself, in addition to those of the packages that it composes. */
export type HostErrorCode = "DATA_DIRECTORY_EXPOSED" | "ROOT_KEY_MISSING" | "ROOT_KEY_DIFFERS" | "L1_KEYS_REPLACED"

/** An error of the host itself: a start that fails. */
export class HostError extends CodedError<HostErrorCode> {}
