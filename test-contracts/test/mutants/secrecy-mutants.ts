import { instead, type Mutant } from "./mutant.ts"

const inErrors = "lets no secret and no plaintext into errors or descriptions"

export const secrecyMutants: readonly Mutant[] = [
  {
    fault: "puts the plaintext into an error",
    caughtBy: inErrors,
    keystore: (real) => ({
      encrypt: (request, call) =>
        instead(real.encrypt(request, call), ["KEY_NOT_FOUND"], (error) => {
          throw Object.assign(error, { sent: Buffer.from(request.plaintext).toString("base64") })
        }),
    }),
  },
  {
    fault: "puts its secret into the cause of an error",
    caughtBy: inErrors,
    keystore: (real, { secret }) => ({
      decrypt: (request, call) =>
        instead(real.decrypt(request, call), ["CIPHERTEXT_REJECTED"], (error) => {
          throw Object.assign(error, { cause: new Error(`POST / Authorization: Bearer ${secret()}`) })
        }),
    }),
  },
  {
    fault: "logs its secret",
    caughtBy: "lets no secret and no plaintext into logs",
    keystore: (real, { services, secret }) => ({
      encrypt(request, call) {
        services.logger.debug("request", { authorization: Buffer.from(secret()).toString("base64") })
        return real.encrypt(request, call)
      },
    }),
  },
  {
    fault: "logs the configuration that it refuses",
    caughtBy: "repeats no secret when it refuses a configuration",
    plugin: (real, { services }) => ({
      openKeystore(input, call) {
        if ("no_such_field" in input) services.logger.warn("refused", { input: JSON.stringify(input) })
        return real.openKeystore(input, call)
      },
    }),
  },
  {
    fault: "shows its secret in a step",
    caughtBy: "lets no secret and no plaintext into the steps of a connection test",
    keystore: (real, { secret }) => ({
      async *testConnection(call) {
        for await (const step of real.testConnection(call)) yield { ...step, message: `Logged in as ${secret()}.` }
      },
    }),
  },
  {
    fault: "shows the plaintext in its audit events",
    caughtBy: "lets no secret and no plaintext into the audit stream",
    keystore: (real, { services }) => ({
      async encrypt(request, call) {
        const facts = { sent: Buffer.from(request.plaintext).toString("hex") }
        await services.audit.record({ action: "keystoreLogin", outcome: "success", facts }, call)
        return real.encrypt(request, call)
      },
    }),
  },
  {
    fault: "writes its secret into the set-up material",
    caughtBy: "writes its set-up material before credentials exist, the same each time and without a secret",
    plugin: (real) => ({
      setupMaterial: async (input, call) =>
        (await real.setupMaterial(input, call)).map((each) => ({
          ...each,
          text: `${each.text}# ${String(input.api_key)}\n`,
        })),
    }),
  },
  {
    fault: "writes other set-up material each time",
    caughtBy: "writes its set-up material before credentials exist, the same each time and without a secret",
    plugin(real) {
      let written = 0
      return {
        async setupMaterial(input, call) {
          written += 1
          return (await real.setupMaterial(input, call)).map((each) => ({
            ...each,
            text: `${each.text}# ${written}\n`,
          }))
        },
      }
    },
  },
  {
    fault: "shows its secret when it is printed",
    caughtBy: "shows no secret when it is printed itself",
    keystore(real, { secret }) {
      Object.assign(real, { apiKey: secret() })
      return {}
    },
  },
]
