import { openInProcess, type TestServices } from "@apeiro-cmk/plugin-sdk/testing"
import {
  type AppPermission,
  type DsmApp,
  type DsmGroup,
  type DsmKey,
  type FortanixEmulator,
  type FortanixEmulatorOptions,
  startFortanixEmulator,
} from "@apeiro-cmk/test-backends"
import { plugin } from "../src/index.ts"

/** Operations of an L1 key in these tests. */
export const keyOperations = ["ENCRYPT", "DECRYPT", "APPMANAGEABLE"]

/** Permissions that the app needs, and MANAGE for cases about the life cycle of keys. */
export const appPermissions: readonly AppPermission[] = ["ENCRYPT", "DECRYPT", "MANAGE"]

/** A group with a key, and an app that may use it. */
export interface Place {
  readonly group: DsmGroup
  readonly key: DsmKey
  readonly app: DsmApp
  readonly apiKey: string
  /** The fields that an administrator enters, with story 2's names. */
  readonly configuration: Readonly<Record<string, string>>
}

/** The emulator, with places in it. */
export class Dsm {
  readonly emulator: FortanixEmulator
  #lastNumber = 0

  private constructor(emulator: FortanixEmulator) {
    this.emulator = emulator
  }

  static async start(options: FortanixEmulatorOptions = { fipsLevel: 3 }): Promise<Dsm> {
    return new Dsm(await startFortanixEmulator(options))
  }

  /** Creates a group, a key and an app. @param address - default: the emulator's own */
  place(address = this.emulator.address, approvals: DsmGroup["approvals"] = "none"): Place {
    this.#lastNumber += 1
    const group = this.emulator.createGroup(`openkcm-key-group-${this.#lastNumber}`, approvals)
    const key = this.createKey(group)
    const app = this.emulator.createApp({ name: "openkcm-crypto-service", groups: { [group.id]: appPermissions } })
    const apiKey = this.emulator.apiKey(app)
    const configuration = {
      ...{ dsm_endpoint: address, app_uuid: app.id, api_key: apiKey },
      ...{ group_id: group.name, key_name: key.name ?? "" },
    }
    return { group, key, app, apiKey, configuration }
  }

  createKey({ id }: DsmGroup): DsmKey {
    this.#lastNumber += 1
    return this.emulator.createKey(id, { name: `customer-master-key-${this.#lastNumber}`, keyOps: keyOperations })
  }

  /** Returns the plugin's configuration, as an operator writes it. */
  pluginConfiguration(address = this.emulator.address) {
    return { allowedEndpoints: [address], allowedAddresses: ["127.0.0.1/32"] }
  }

  /** Starts the plugin in this process. */
  plugin(services: TestServices, address?: string) {
    return openInProcess(plugin, { pluginConfiguration: this.pluginConfiguration(address), services })
  }

  stop(): Promise<void> {
    return this.emulator.stop()
  }
}
