import type {
  CallOptions,
  ConfiguredOncePlugin,
  ConnectionStep,
  HttpClient,
  PluginAuditAction,
  PluginKind,
  PluginServices,
  SetupDocument,
} from "@apeiro-cmk/plugin-interface"
import {
  type ConnectionCheck,
  egressConfiguration,
  endpoint,
  recordedLogin,
  requireAllowedUrl,
  runConnectionTest,
  secret,
} from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { JsonClient, type Meanings } from "./json-client.ts"

/** Configuration of every reference plugin that the operator configures once. */
export const referenceConfiguration = z.strictObject({
  ...egressConfiguration,
  address: endpoint().meta({ title: "Address of the reference server" }),
  api_key: secret().meta({ title: "API key" }),
})

/** Parsed {@link referenceConfiguration}. */
export type ReferenceConfiguration = z.output<typeof referenceConfiguration>

/** Facts in which the reference plugins of different kinds differ. */
export interface ReferenceTraits<Kind extends PluginKind> {
  readonly loginAction: PluginAuditAction<Kind>
  readonly meanings: Meanings
}

const stepTimeoutMs = 1_000

/** Everything that the reference plugins have in common which the operator configures once. */
export class ReferencePlugin<Kind extends PluginKind> implements ConfiguredOncePlugin {
  readonly #configuration: ReferenceConfiguration
  readonly #services: PluginServices<Kind>
  readonly #traits: ReferenceTraits<Kind>
  #http: HttpClient | undefined
  #isLoggedIn = false

  constructor(configuration: ReferenceConfiguration, services: PluginServices<Kind>, traits: ReferenceTraits<Kind>) {
    this.#configuration = configuration
    this.#services = services
    this.#traits = traits
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#client()
  }

  async stop(): Promise<void> {
    await this.#http?.close()
  }

  testConnection(call: CallOptions): AsyncIterable<ConnectionStep> {
    const { clock } = this.#services
    return runConnectionTest({ checks, test: this.#client(), stepTimeoutMs, clock }, call)
  }

  async setupMaterial(_call: CallOptions): Promise<readonly SetupDocument[]> {
    const text = `Let the API key of this plugin use ${this.#configuration.address}.\n`
    return [{ title: "Allow the API key", fileName: "allow-api-key.txt", language: "text", text }]
  }

  /** Logs in once, with a record in the audit stream, then sends one request. */
  async ask<Answer>(operation: string, input: object, answer: z.ZodType<Answer>, call: CallOptions): Promise<Answer> {
    if (!this.#isLoggedIn) await this.#logIn(call)
    return this.#client().send({ operation, ...input }, answer, call)
  }

  async #logIn(call: CallOptions): Promise<void> {
    const { audit, logger } = this.#services
    const work = () => this.#client().send({ operation: "status" }, status, call)
    const event = { action: this.#traits.loginAction, facts: { method: "api key" } }
    await recordedLogin({ audit, logger, event, work, isRepeated: () => false, success: () => ({}) }, call)
    this.#isLoggedIn = true
  }

  #client(): JsonClient {
    const { address, api_key, ...egress } = this.#configuration
    requireAllowedUrl(address, egress)
    this.#http ??= this.#services.createHttpClient({ egress })
    return new JsonClient(this.#http, address, api_key, this.#traits.meanings)
  }
}

const status = z.object({ version: z.string() })

const checks: readonly (readonly [string, ConnectionCheck<JsonClient>])[] = [
  [
    "authentication",
    async (client, call) => {
      const { version } = await client.send({ operation: "status" }, status, call)
      return { outcome: "passed", message: `The reference server accepts the API key; its version is ${version}.` }
    },
  ],
]
