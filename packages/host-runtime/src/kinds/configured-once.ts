import type { ConfiguredOncePlugin } from "@apeiro-cmk/plugin-interface"

/** Members that all kinds share whose plugins the operator configures once: a profile loads at most one of each. */
export const configuredOnce = {
  cardinality: {},
  versions: [1],
  manifestMembers: {},
  parsers: [],
  parsersFrom: () => ({}),
  isProductionReady: () => true,
  administration: { by: "operator", of: (plugin: ConfiguredOncePlugin) => plugin },
} as const
