export type { HostLookup } from "./checked-lookup.ts"
export { systemClock, systemRandom } from "./clock.ts"
export { createPluginServices, type PluginServicesOptions } from "./plugin-services.ts"
export { pooledRandom } from "./pooled-random.ts"
