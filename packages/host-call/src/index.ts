export { backendRequestOf, type EventFailure, eventOf, failureOf, traceOf } from "./audit-event.ts"
export type { HostCall } from "./host-call.ts"
export { timeBudgets } from "./time-budgets.ts"
export { traceIdOf } from "./trace-id.ts"
