import { describe, it } from "vitest"
import { keystoreContract, openReference, referencePlugin } from "../src/index.ts"

keystoreContract({ describe, it }, { plugin: referencePlugin, network: "tcp", open: openReference(referencePlugin) })
