import { describe, it } from "vitest"
import { openReferencePlugin, pluginContract, referencePlugins } from "../src/index.ts"

const moduleOf = (kind: string) => import.meta.resolve(`../src/reference/${kind}/plugin.ts`)

pluginContract({ describe, it }, "identity", {
  plugin: referencePlugins.identity,
  network: "tcp",
  moduleUrl: moduleOf("identity"),
  open: openReferencePlugin("identity", referencePlugins.identity),
})

pluginContract({ describe, it }, "certificate-issuer", {
  plugin: referencePlugins["certificate-issuer"],
  network: "tcp",
  moduleUrl: moduleOf("certificate-issuer"),
  open: openReferencePlugin("certificate-issuer", referencePlugins["certificate-issuer"]),
})

pluginContract({ describe, it }, "system-information", {
  plugin: referencePlugins["system-information"],
  network: "tcp",
  moduleUrl: moduleOf("system-information"),
  open: openReferencePlugin("system-information", referencePlugins["system-information"]),
})

pluginContract({ describe, it }, "notification", {
  plugin: referencePlugins.notification,
  network: "tcp",
  moduleUrl: moduleOf("notification"),
  open: openReferencePlugin("notification", referencePlugins.notification),
})
