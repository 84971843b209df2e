export { auditAcknowledgementTimeoutMs } from "./serve/audit-reports.ts"
export { type ServedDefinition, type ServeOptions, servePlugin } from "./serve/serve-plugin.ts"
