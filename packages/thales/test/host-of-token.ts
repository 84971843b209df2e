// A host that can be killed: opens the keystore that its argument describes, and decrypts when asked to.
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { plugin } from "../src/index.ts"

const { pluginConfiguration, configuration } = JSON.parse(process.argv[2] ?? "{}")
const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }

const started = await openInProcess(plugin, { pluginConfiguration, services: testServices() })
const keystore = await started.openKeystore(configuration, testCall())
const key = keystore.defaultKey
const sealed = await keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, testCall())
process.stdout.write("ready\n")
process.stdin.once("data", () => void keystore.decrypt({ key, ...sealed, context }, testCall()))
