import { describe, it } from "node:test"
import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { plugin } from "../src/plugin.js"
import { open } from "./open.js"

keystoreContract(
  { describe, it },
  {
    plugin,
    // The capabilities in the Pocket KMS's documentation; for a keystore that the kit knows, set `backendType` instead.
    expectedCapabilities: ["createKey", "deleteKey"],
    network: "tcp",
    moduleUrl: import.meta.resolve("../src/plugin.js"),
    open,
  },
)
