import { document } from "../../pipeline/answer.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { pluginAnswerOf } from "./answers.ts"
import { pluginList } from "./schemas.ts"

/** Lists the catalog: each plugin of the profile, its manifest and its state. */
export const listPlugins = defineRoute({
  method: "get",
  path: "/v1/plugins",
  summary: "List the plugins with their state and manifests",
  permission: "catalog.read",
  params: none,
  query: none,
  body: none,
  response: { status: 200, description: "The plugins, in the order of the profile", schema: pluginList },
  problems: [],
  handler: async ({ call, services }) => {
    const showsErrors = call.actor.type === "administrator"
    return document({
      plugins: services.catalog.describePlugins().map((plugin) => pluginAnswerOf(plugin, showsErrors)),
    })
  },
})
