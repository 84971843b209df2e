// A host that can be killed: starts the executable that its arguments name, prints the process's id, and stays.
import { connectPlugin } from "../src/index.ts"

const [path = "", ...args] = process.argv.slice(2)
const { processId } = await connectPlugin({
  type: "KeystoreInstanceKeyOperation",
  serviceName: "plugin.keystore.operations.v1.KeystoreInstanceKeyOperation",
  path,
  args,
  yamlConfiguration: "",
})
process.stdout.write(`${processId}\n`)
