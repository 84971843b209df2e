export { type ServedDefinition, type ServeOptions, servePlugin } from "./serve/serve-plugin.ts"
