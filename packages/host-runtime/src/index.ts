export {
  type Catalog,
  loadCatalog,
  type PluginDescription,
  type PluginStatus,
  type Readiness,
} from "./catalog.ts"
export type { CatalogOptions } from "./catalog-options.ts"
export { type CheckProfileOptions, checkProfile, type ProfileCheck } from "./check-profile.ts"
export {
  formatProblem,
  HostRuntimeError,
  type HostRuntimeErrorCode,
  type HostRuntimeErrorFacts,
  isHostRuntimeError,
  ProfileError,
  type ProfileProblem,
} from "./errors.ts"
export { type RunningPlugins, type StartOptions, startPlugins } from "./lifecycle.ts"
export { type LoadProfileOptions, loadProfile } from "./load-profile.ts"
export type { PluginState } from "./plugin-slot.ts"
export type { DatabaseSettings, Listener, LoadedProfile, PluginEntry } from "./profile.ts"
export { profileJsonSchema } from "./profile-json-schema.ts"
export type { PlacedReference, Reference } from "./reference.ts"
export { defaultExecutableFolder, type OpenkcmRendering, renderForOpenkcm } from "./render-openkcm.ts"
export type { Path } from "./yaml-tree.ts"
