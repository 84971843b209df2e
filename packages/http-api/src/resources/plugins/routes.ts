import { defineList } from "../../pipeline/define-list.ts"
import { none } from "../../pipeline/route.ts"
import { pluginAnswerOf } from "./answers.ts"
import { pluginList, pluginName } from "./schemas.ts"

/** Lists the catalog: each plugin of the profile, its manifest and its state. */
export const listPlugins = defineList({
  path: "/v1/plugins",
  summary: "List the plugins with their state and manifests",
  permission: "catalog.read",
  params: none,
  description: "The plugins, in the order of the profile",
  schema: pluginList,
  position: pluginName,
  read: async ({ after, limit }, _params, services) => {
    const plugins = services.catalog.describePlugins()
    const start = after === undefined ? 0 : plugins.findIndex(({ name }) => name === after) + 1
    return plugins.slice(start, start + limit)
  },
  positionOf: (plugin) => plugin.name,
  answer: (plugins, { actor }) => {
    const showsErrors = actor.type === "administrator"
    return { plugins: plugins.map((plugin) => pluginAnswerOf(plugin, showsErrors)) }
  },
})
