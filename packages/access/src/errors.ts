import { CodedError } from "@apeiro-cmk/plugin-interface"

/** Codes of the errors that this package throws; both are faults of the file with the administrator's token. */
export type AccessErrorCode = "ADMINISTRATOR_TOKEN_INVALID" | "ADMINISTRATOR_TOKEN_EXPOSED"

/** An error of access control itself. A refused request is not an error here: it is a decision. */
export class AccessError extends CodedError<AccessErrorCode> {}
