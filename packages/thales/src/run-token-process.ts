import { runTokenProcess } from "./token/token-process.ts"

// The plugin forks this module as a token's process, and never imports it.
runTokenProcess()
