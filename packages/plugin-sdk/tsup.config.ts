import { libraryConfig } from "../../tsup.base.ts"

export default libraryConfig({
  "go-plugin": "src/go-plugin.ts",
  index: "src/index.ts",
  services: "src/services.ts",
  testing: "src/testing.ts",
})
