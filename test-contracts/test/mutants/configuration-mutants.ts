import { configurationError, pluginError } from "@apeiro-cmk/plugin-sdk"
import { referencePlugin } from "../../src/index.ts"
import { instead, type Mutant } from "./mutant.ts"

const schema = referencePlugin.manifest.keystoreConfigurationSchema

const judgesHostileTexts = "judges hostile texts and sizes at once, and refuses them in at most 50 short issues"

export const configurationMutants: readonly Mutant[] = [
  {
    fault: "takes fields that it does not know",
    caughtBy: "refuses an unknown field by its name, before any network",
    andBy: ["reports every fault at once"],
    plugin: (real) => ({
      openKeystore: ({ no_such_field: _ignored, ...rest }, call) => real.openKeystore(rest, call),
    }),
  },
  {
    fault: "reports the first fault only",
    caughtBy: "reports every fault at once",
    plugin: (real) => ({
      openKeystore: (input, call) =>
        instead(real.openKeystore(input, call), ["INVALID_REQUEST"], (error) =>
          Promise.reject(configurationError((error.issues ?? []).slice(0, 1))),
        ),
    }),
  },
  {
    fault: "finds out about a wrong configuration at the first call",
    caughtBy: "refuses a value of the wrong type in any field, before any network",
    andBy: ["reports every fault at once"],
    plugin: (real) => ({
      openKeystore: (input, call) =>
        real.openKeystore(
          { ...input, ...(typeof input.address === "object" ? { address: "http://127.0.0.1:1" } : {}) },
          call,
        ),
    }),
  },
  {
    fault: "does not name the field that is missing",
    caughtBy: "refuses a configuration without a required field, before any network",
    plugin: (real) => ({
      openKeystore(input, call) {
        if ("key_name" in input) return real.openKeystore(input, call)
        throw pluginError("INVALID_REQUEST", "Something is missing.", "Find out what.")
      },
    }),
  },
  {
    fault: "names every field that it does not know, however many there are",
    caughtBy: judgesHostileTexts,
    plugin: (real) => ({
      openKeystore: (input, call) =>
        instead(real.openKeystore(input, call), ["INVALID_REQUEST"], (error) => {
          const unknown = Object.keys(input).filter((name) => /^no_such_field_\d+$/.test(name))
          const named = unknown.map((name) => ({ path: [name], message: "is not a known field" }))
          const issues = named.length > 0 ? named : (error.issues ?? [])
          return Promise.reject(Object.assign(configurationError(issues), { issues }))
        }),
    }),
  },
  {
    fault: "repeats the value that it refuses",
    caughtBy: judgesHostileTexts,
    plugin: (real) => ({
      openKeystore: (input, call) =>
        instead(real.openKeystore(input, call), ["INVALID_REQUEST"], (error) => {
          const issues = (error.issues ?? []).map(({ path, message }) => ({
            path,
            message: `${message}, not ${String(input[String(path[0])])}`,
          }))
          return Promise.reject(Object.assign(configurationError(issues), { issues }))
        }),
    }),
  },
  {
    fault: "does not mark its secret",
    caughtBy: "marks as secret each field that holds one",
    manifest: {
      keystoreConfigurationSchema: JSON.parse(JSON.stringify(schema).replaceAll('"writeOnly":true', '"title":"?"')),
    },
  },
  {
    fault: "has a manifest that can be changed",
    caughtBy: "is frozen plain data that survives a clone",
    unfrozen: true,
  },
  {
    fault: "claims a capability and gives a reason why it lacks it",
    caughtBy: "has each capability, or says why not",
    manifest: { unsupported: { rotateKey: "the mutant says so" } },
  },
  {
    fault: "names as identity a field that it does not have",
    caughtBy: "names as identity only fields that the configuration has",
    manifest: { identityFields: ["address", "serial_number"] },
  },
]
