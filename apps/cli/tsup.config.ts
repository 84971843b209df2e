import { commandLineConfig } from "../../tsup.base.ts"

export default commandLineConfig({ index: "src/index.ts" }, { "apeiro-cmk": "src/main.ts" })
