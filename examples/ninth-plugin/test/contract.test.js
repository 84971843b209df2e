import { describe, it } from "node:test"
import { keystoreContract } from "@apeiro-cmk/test-contracts"
import { plugin } from "../src/plugin.js"
import { open } from "./open.js"

keystoreContract(
  { describe, it },
  {
    plugin,
    // What a Pocket KMS can do by its documentation; for a keystore that the kit knows, name its `backendType` instead.
    expectedCapabilities: ["createKey", "deleteKey"],
    network: "tcp",
    moduleUrl: import.meta.resolve("../src/plugin.js"),
    open,
  },
)
