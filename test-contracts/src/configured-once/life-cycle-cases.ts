import type { PluginCase } from "./case-context.ts"

export const lifeCycleCases: readonly PluginCase[] = [
  {
    name: "starts, stops, and stops again",
    async run({ plugin, call }) {
      await plugin.start(call().signal)
      await plugin.stop()
      await plugin.stop()
    },
  },
  {
    name: "stops without a start",
    async run({ plugin }) {
      await plugin.stop()
      await plugin.stop()
    },
  },
]
