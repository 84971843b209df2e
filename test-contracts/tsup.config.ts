import { pluginConfig } from "../tsup.base.ts"

export default pluginConfig({ index: "src/index.ts" }, "src/reference/serve.ts")
