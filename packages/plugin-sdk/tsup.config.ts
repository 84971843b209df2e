import { libraryConfig } from "../../tsup.base.ts"

export default libraryConfig({
  index: "src/index.ts",
  services: "src/services.ts",
  testing: "src/testing.ts",
})
