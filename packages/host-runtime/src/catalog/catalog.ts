import type { CallOptions, Clock, ConnectionStep, PluginKind, SetupDocument } from "@apeiro-cmk/plugin-interface"
import { boundedDocuments } from "./bounded-documents.ts"
import { boundedSteps } from "./bounded-steps.ts"
import { configuredOncePlugin } from "./configured-once-plugin.ts"
import { isSlotOf, type PluginSlot, type RunningPlugin } from "./plugin-slot.ts"
import {
  descriptionOf,
  type PluginDescription,
  type PluginStatus,
  type Readiness,
  readinessOf,
  statusOf,
} from "./plugin-status.ts"

/** The plugins of a profile, in its order. */
export class Catalog {
  readonly #slots: readonly PluginSlot[]
  readonly #clock: Clock

  constructor(slots: readonly PluginSlot[], clock: Clock) {
    this.#slots = slots
    this.#clock = clock
  }

  /** Returns the slots behind a catalog: for this package's life cycle only. */
  static slotsOf(catalog: Catalog): readonly PluginSlot[] {
    return catalog.#slots
  }

  /** Returns the plugins of a kind that run now, in the profile's order. */
  running<Kind extends PluginKind>(kind: Kind): readonly RunningPlugin<Kind>[] {
    return this.#slots.filter((slot) => isSlotOf(slot, kind)).flatMap((slot) => slot.running ?? [])
  }

  /** Returns the status of every plugin. */
  plugins(): readonly PluginStatus[] {
    return this.#slots.map(statusOf)
  }

  /** Returns the status of every plugin, with its manifest where it could be loaded. */
  describePlugins(): readonly PluginDescription[] {
    return this.#slots.map(descriptionOf)
  }

  /** Returns whether the host may be sent work. */
  readiness(): Readiness {
    return readinessOf(this.#slots)
  }

  /**
   * Runs the connection test of a plugin that the operator configures once. Every failure of the test is a step; it ends
   * within 30 s, also when the plugin does not hear its signal.
   *
   * @param name - of the plugin in the profile
   * @throws {PluginError} NOT_FOUND - the profile has no plugin of this name
   * @throws {PluginError} UNSUPPORTED - tenants configure plugins of its kind; `nextStep` says how those are tested
   * @throws {PluginError} UNREACHABLE - the plugin does not run; the message has the error of its load or start
   */
  testConnection(name: string, call: CallOptions): AsyncIterable<ConnectionStep> {
    const plugin = configuredOncePlugin(this.#slots, name, "testInstead")
    return boundedSteps((bounded) => plugin.testConnection(bounded), call, this.#clock)
  }

  /**
   * Returns the documents with which the backend of a plugin that the operator configures once is prepared.
   *
   * @param name - of the plugin in the profile
   * @throws {PluginError} NOT_FOUND, UNSUPPORTED, UNREACHABLE - as for {@link testConnection}
   */
  async setupMaterial(name: string, call: CallOptions): Promise<readonly SetupDocument[]> {
    const plugin = configuredOncePlugin(this.#slots, name, "setupMaterialInstead")
    return boundedDocuments(() => plugin.setupMaterial(call), call)
  }
}
