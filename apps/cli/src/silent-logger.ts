import type { Logger } from "@apeiro-cmk/plugin-interface"

/** A logger that writes nothing: standard output belongs to the command's result. */
export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
