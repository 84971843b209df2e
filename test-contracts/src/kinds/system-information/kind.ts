import { configuredOnceContract } from "../../configured-once/contract.ts"

const resource = { kind: "NoSuchKind", name: "contract" }

/** The contract of system information plugins. */
export const systemInformationContract = configuredOnceContract<"system-information">({
  always: { validate: (plugin, call) => plugin.validate(resource, call) },
  byCapability: {
    watch: (plugin, call) => plugin.watch("NoSuchKind", call)[Symbol.asyncIterator]().next(),
    writeStatus: (plugin, call) => plugin.writeStatus(resource, { ready: false }, call),
  },
})
