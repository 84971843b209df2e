import { runTokenProcess } from "./token/token-process.ts"

// The module of a token's process: forked by the plugin, never imported.
runTokenProcess()
