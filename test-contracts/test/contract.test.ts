import { describe, it } from "vitest"
import { keystoreCapabilities, keystoreContract, openReference, referencePlugin } from "../src/index.ts"

keystoreContract(
  { describe, it },
  {
    plugin: referencePlugin,
    expectedCapabilities: keystoreCapabilities,
    network: "tcp",
    moduleUrl: import.meta.resolve("../src/reference/keystore/plugin.ts"),
    open: openReference(referencePlugin),
  },
)
