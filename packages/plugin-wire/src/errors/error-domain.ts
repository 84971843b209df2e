/** Domain of the `ErrorInfo` that carries our codes (google.rpc.ErrorInfo). */
export const errorDomain = "apeiro-cmk"
