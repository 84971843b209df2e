import type { IdentityPluginV1, PluginServices, SecretHandle } from "@apeiro-cmk/plugin-interface"
import { referencePlugins } from "../../src/index.ts"
import { deepFreeze, overlay } from "./mutant.ts"

/** An identity plugin with one planted fault. */
export interface IdentityMutant {
  /** Completes "a plugin that ...". */
  readonly fault: string
  /** The case that names the fault. */
  readonly caughtBy: string
  /** Every other case that fails with it. Default: none. */
  readonly andBy?: readonly string[]
  /** Methods that stand in for those of the plugin. */
  readonly plugin?: (real: IdentityPluginV1, around: Surroundings) => Partial<IdentityPluginV1>
  readonly manifest?: Partial<IdentityDefinition["manifest"]>
  /** Leaves the manifest open to change. */
  readonly unfrozen?: boolean
  /** Accepts fields that the plugin does not know. */
  readonly isLenient?: boolean
  /** Names every field that it does not know, however many there are. */
  readonly namesAll?: boolean
}

type IdentityDefinition = (typeof referencePlugins)["identity"]

interface Surroundings {
  readonly services: PluginServices<"identity">
  readonly apiKey: SecretHandle
}

/** Applies a mutant's fault to the reference plugin. */
export function mutatedIdentity({
  plugin,
  manifest,
  unfrozen,
  isLenient = false,
  namesAll = false,
}: IdentityMutant): IdentityDefinition {
  const { manifest: whole, configuration, create } = referencePlugins.identity
  const changed = { ...whole, ...manifest }
  return {
    manifest: unfrozen ? structuredClone(changed) : deepFreeze(changed),
    configuration: { plugin: parserOf(configuration.plugin, { isLenient, namesAll }) },
    create(parsed, services) {
      const real = create(parsed, services)
      const changes = plugin?.(real, { services, apiKey: parsed.api_key }) ?? {}
      return overlay(real, changes)
    },
  }
}

type Parser = IdentityDefinition["configuration"]["plugin"]

function parserOf(
  real: Parser,
  { isLenient, namesAll }: Required<Pick<IdentityMutant, "isLenient" | "namesAll">>,
): Parser {
  if (isLenient) return lenient(real)
  return namesAll ? namingAll(real) : real
}

function namingAll(parser: Parser): Parser {
  return {
    parse(input) {
      const unknown = Object.keys(Object(input)).filter((name) => name.startsWith("no_such_field_"))
      const issues = unknown.map((name) => ({ path: [name], message: "is not a known field" }))
      return issues.length === 0 ? parser.parse(input) : { ok: false, issues }
    },
  }
}

function lenient(parser: Parser): Parser {
  return {
    parse(input) {
      const { no_such_field: _ignored, ...known }: Record<string, unknown> = { ...Object(input) }
      return parser.parse(known)
    },
  }
}

async function textOf(secret: SecretHandle): Promise<string> {
  return Buffer.from(await secret.read(AbortSignal.timeout(1_000))).toString("utf8")
}

const refusesUnknownField = "refuses an unknown field by its name, before any network"
const writesSetUpMaterial =
  "writes its set-up material before the start, the same each time, without the network and without a secret"
const passesEveryStep = "passes every step against a healthy backend, each with its own name and a real duration"
const endsCancelledTest = "ends a connection test whose caller has given up with a failed step, not with a throw"
const refusedTest =
  "names its steps the same, in the same order, when the backend refuses connections; one of them fails"
const silentTest = "ends within 30 s against a silent backend, however much time its caller gives"
const soundError = "answers every call, or rejects with a sound error"
const cancelled = "rejects every call whose caller has given up already, with CANCELLED"
const expired = "rejects every call whose deadline has passed already, with TIMED_OUT"
const refusedCalls = "rejects every call while connections are refused, and works again afterwards"
const cancelledWhileSilent = "rejects promptly with CANCELLED when its caller gives up while the backend is silent"
const expiredWhileSilent = "rejects with TIMED_OUT when the deadline passes while the backend is silent"
const secretFreeAnswers = "lets no secret into answers, errors or the steps of a connection test"

/** Faults of a plugin that the operator configures once, each with the case that names it. */
export const identityMutants: readonly IdentityMutant[] = [
  {
    fault: "leaves its manifest open to change",
    unfrozen: true,
    caughtBy: "is frozen plain data that survives a clone",
  },
  {
    fault: "says nothing about a capability that it lacks",
    manifest: { capabilities: ["resolveWorkload"], unsupported: {} },
    caughtBy: "has each capability of its kind, or says why not",
    andBy: ["rejects permissions with UNSUPPORTED"],
  },
  {
    fault: "answers a call that its manifest does not declare",
    manifest: { capabilities: ["resolveWorkload"], unsupported: { permissions: "it is a mutant" } },
    caughtBy: "rejects permissions with UNSUPPORTED",
  },
  {
    fault: "accepts fields that it does not know",
    isLenient: true,
    caughtBy: refusesUnknownField,
    andBy: ["reports every fault at once", "does not start with a configuration that it refuses"],
  },
  {
    fault: "names every field that it does not know, however many there are",
    namesAll: true,
    caughtBy: "judges hostile texts and sizes at once, and refuses them in at most 50 short issues",
  },
  {
    fault: "cannot stop twice",
    plugin: (real) => {
      let stops = 0
      return {
        async stop() {
          stops += 1
          if (stops > 1) throw new Error("stopped already")
          await real.stop()
        },
      }
    },
    caughtBy: "starts, stops, and stops again",
    andBy: ["stops without a start"],
  },
  {
    fault: "cannot stop without a start",
    plugin: (real) => {
      let isStarted = false
      return {
        async start(signal) {
          isStarted = true
          await real.start(signal)
        },
        async stop() {
          if (!isStarted) throw new Error("never started")
          await real.stop()
        },
      }
    },
    caughtBy: "stops without a start",
  },
  {
    fault: "leaves its connections open when it stops",
    plugin: () => ({ stop: async () => undefined }),
    caughtBy: "leaves no connection open after the stop",
  },
  {
    fault: "writes other set-up material each time",
    plugin: (real) => {
      let count = 0
      return {
        async setupMaterial(call) {
          count += 1
          return (await real.setupMaterial(call)).map((each) => ({ ...each, text: `${each.text}${count}` }))
        },
      }
    },
    caughtBy: writesSetUpMaterial,
  },
  {
    fault: "writes its secret into the set-up material",
    plugin: (real, { apiKey }) => ({
      async setupMaterial(call) {
        const secret = await textOf(apiKey)
        return (await real.setupMaterial(call)).map((each) => ({ ...each, text: secret }))
      },
    }),
    caughtBy: writesSetUpMaterial,
    andBy: [secretFreeAnswers],
  },
  {
    fault: "reports no step of its connection test",
    plugin: () => ({
      async *testConnection() {},
    }),
    caughtBy: passesEveryStep,
    andBy: [endsCancelledTest, refusedTest, silentTest],
  },
  {
    fault: "throws from its connection test when the caller has given up",
    plugin: (real) => ({
      async *testConnection(call) {
        call.signal.throwIfAborted()
        yield* real.testConnection(call)
      },
    }),
    caughtBy: endsCancelledTest,
  },
  {
    fault: "does not hear its caller give up",
    plugin: (real) => ({
      authenticate: (token, call) => real.authenticate(token, { ...call, signal: AbortSignal.timeout(5_000) }),
    }),
    caughtBy: cancelled,
    andBy: [expired, cancelledWhileSilent, expiredWhileSilent],
  },
  {
    fault: "rejects with errors of its own",
    plugin: (real) => ({
      authenticate: (token, call) => real.authenticate(token, call).catch(() => Promise.reject(new Error("no"))),
    }),
    caughtBy: soundError,
    andBy: [cancelled, expired, refusedCalls, cancelledWhileSilent, expiredWhileSilent],
  },
  {
    fault: "logs its secret",
    plugin: (real, { services, apiKey }) => ({
      async start(signal) {
        services.logger.info("logging in", { with: await textOf(apiKey) })
        await real.start(signal)
      },
    }),
    caughtBy: "lets no secret into logs",
  },
  {
    fault: "reports its secret to the audit stream",
    plugin: (real, { services, apiKey }) => ({
      async authenticate(token, call) {
        const facts = { with: await textOf(apiKey) }
        await services.audit.record({ action: "identityLogin", outcome: "success", facts }, call)
        return real.authenticate(token, call)
      },
    }),
    caughtBy: "lets no secret into the audit stream",
  },
]
