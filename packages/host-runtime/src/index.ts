export type { Catalog } from "./catalog/catalog.ts"
export type { CatalogOptions } from "./catalog/catalog-options.ts"
export { type CheckProfileOptions, checkProfile, type ProfileCheck } from "./catalog/check-profile.ts"
export { type RunningPlugins, type StartOptions, startPlugins } from "./catalog/lifecycle.ts"
export { loadCatalog } from "./catalog/load-catalog.ts"
export type { PluginState, RunningPlugin } from "./catalog/plugin-slot.ts"
export type { PluginDescription, PluginStatus, Readiness } from "./catalog/plugin-status.ts"
export {
  formatProblem,
  HostRuntimeError,
  type HostRuntimeErrorCode,
  type HostRuntimeErrorFacts,
  isHostRuntimeError,
  ProfileError,
  type ProfileProblem,
} from "./errors.ts"
export { KeystorePlugins } from "./kinds/keystore/keystore-plugins.ts"
export { type LoadProfileOptions, loadProfile } from "./profile/load-profile.ts"
export type { DatabaseSettings, Listener, LoadedProfile, PluginEntry } from "./profile/profile.ts"
export { profileJsonSchema } from "./profile/profile-json-schema.ts"
export type { PlacedReference, Reference } from "./profile/reference.ts"
export { defaultExecutableFolder, type OpenkcmRendering, renderForOpenkcm } from "./profile/render-openkcm.ts"
export type { Path } from "./profile/yaml-tree.ts"
