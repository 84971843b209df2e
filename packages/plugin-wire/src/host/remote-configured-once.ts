import type { CallOptions, ConfiguredOncePlugin, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { create } from "@bufbuild/protobuf"
import { ConfiguredOnce, TestRequestSchema } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { readAnswer } from "./read-answer.ts"
import { askedOf, callerOf } from "./remote-call.ts"
import { remoteConnectionTest } from "./remote-connection-test.ts"
import { setupDocumentsShape } from "./setup-documents.ts"
import type { Supervisor } from "./supervisor.ts"

const method = ConfiguredOnce.method

/** Makes the methods that every plugin with one configuration has, for one in a supervised process. */
export function remoteConfiguredOnce(supervisor: Supervisor): ConfiguredOncePlugin {
  const ask = askedOf(supervisor)
  return {
    start: (signal) => supervisor.start(signal),
    stop: () => supervisor.stop(),
    testConnection: (call) => testConnection(supervisor, call),
    setupMaterial: async (call) =>
      readAnswer(setupDocumentsShape, await ask(method.setupMaterial, call, (caller) => ({ caller }))),
  }
}

function testConnection(supervisor: Supervisor, call: CallOptions): AsyncIterable<ConnectionStep> {
  return remoteConnectionTest(
    {
      open: async (deadlineMs) => (await supervisor.connection(call)).openStream(method.testConnection, deadlineMs),
      message: (giveUp) => create(TestRequestSchema, { caller: callerOf(call), giveUp }),
    },
    call,
  )
}
