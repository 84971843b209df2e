export type { HostLookup } from "./egress/checked-lookup.ts"
export { systemClock, systemRandom } from "./services/clock.ts"
export { createPluginServices, type PluginServicesOptions } from "./services/plugin-services.ts"
export { pooledRandom } from "./services/pooled-random.ts"
