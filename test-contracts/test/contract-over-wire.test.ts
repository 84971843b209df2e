import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import { keystoreCapabilities, keystoreContract, openReference, referencePlugin } from "../src/index.ts"

const serve = fileURLToPath(new URL("../src/reference/serve.ts", import.meta.url))

describe("the reference plugin as a process", () =>
  keystoreContract(
    { describe, it },
    {
      plugin: referencePlugin,
      expectedCapabilities: keystoreCapabilities,
      network: "tcp",
      moduleUrl: import.meta.resolve("../src/reference/keystore/plugin.ts"),
      open: openReference(referencePlugin, { path: process.execPath, args: [serve] }),
    },
  ))
