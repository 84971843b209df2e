import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import { openInProcess, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import type { TestRunner } from "../../runner.ts"
import { openOverWire } from "../../wire/open-over-wire.ts"
import type { PluginExecutable } from "../../wire/plugin-process.ts"
import { keystoreContract } from "./contract.ts"
import type { ContractRun } from "./contract-run.ts"
import type { BackendType } from "./expected-capabilities.ts"
import type { KeystoreContractOptions, OpenedKeystore, OpenRequest } from "./options.ts"

/** Where the plugin runs: in the process of the test, or in a separate one. */
export type Boundary = "in process" | "over the wire"

/** A plugin that was started on one side or the other of the {@link Boundary}, ready to be part of `OpenedKeystore`. */
export type StartedPlugin = Pick<OpenedKeystore, "plugin" | "credentialDirectory" | "logs" | "auditEvents">

/** Starts the plugin across the boundary, with its configuration as an operator writes it. */
export type StartPlugin = (pluginConfiguration: JsonValue) => Promise<StartedPlugin>

/** The parts of a {@link ContractRun} that differ from one plugin to the next. */
export interface PluginContractRun
  extends Pick<ContractRun, "backend" | "version" | "judge">,
    Pick<KeystoreContractOptions, "plugin" | "network"> {
  readonly backendType: BackendType
  /** URL of the module that exports `plugin`. */
  readonly moduleUrl: string
  /** Finds or builds the plugin's executable; called once, and only for a run over the wire. */
  executable(): Promise<PluginExecutable>
  /** Most cases that may run at the same time. Default 1: a case may stop the server that others use. */
  readonly concurrency?: number
  /** Opens a separate keystore for one case, on a plugin that `start` returned. */
  open(request: OpenRequest, start: StartPlugin): Promise<OpenedKeystore>
  /** Stops what all cases share. Default: nothing to stop. */
  stop?(): Promise<void>
}

/** Makes a {@link ContractRun} of a plugin, so that the same cases run in process and over the wire. */
export function pluginContractRun(boundary: Boundary, run: PluginContractRun): ContractRun {
  const { backend, version, judge, concurrency = 1, plugin, backendType, network, moduleUrl } = run
  let executable: Promise<PluginExecutable> | undefined
  const folders: string[] = []
  const start: StartPlugin = async (pluginConfiguration) => {
    const credentialDirectory = await mkdtemp(join(tmpdir(), "apeiro-cmk-contract-"))
    folders.push(credentialDirectory)
    if (boundary === "over the wire") {
      executable ??= run.executable()
      const { env, ...found } = await executable
      const withFiles = { ...found, env: { ...env, APEIRO_CMK_CREDENTIAL_DIRECTORY: credentialDirectory } }
      return { ...(await openOverWire(withFiles, pluginConfiguration)), credentialDirectory }
    }
    const services = testServices({ credentialDirectory })
    const started = await openInProcess(plugin, { services, pluginConfiguration })
    const { logger, auditEvents } = services
    return { plugin: started, credentialDirectory, logs: () => logger.text(), auditEvents: () => auditEvents }
  }
  return {
    backend,
    version,
    judge,
    concurrency,
    options: { plugin, backendType, network, moduleUrl, open: (request) => run.open(request, start) },
    async stop() {
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
      await run.stop?.()
    },
  }
}

/** The functions of a test runner that {@link proveContractRun} needs: those of vitest, mocha and jest fit as they are. */
export interface ContractRunner extends TestRunner {
  readonly describe: TestRunner["describe"] & { skip: TestRunner["describe"] }
  afterAll(body: () => Promise<void>): unknown
}

/** A {@link ContractRun} with its own title in the list of tests. */
export interface TitledContractRun {
  readonly title: string
  /** Tells whether the keystore is available; where it is not, the contract is one skipped test. Default: it is. */
  isAvailable?(): Promise<boolean>
  start(): Promise<ContractRun>
}

/** Starts a run and registers the cases that prove its plugin; stops the run after the last of them. */
export async function proveContractRun(
  { describe, it, afterAll }: ContractRunner,
  { title, isAvailable = async () => true, start }: TitledContractRun,
): Promise<void> {
  if (!(await isAvailable())) {
    describe.skip(title, () => {
      it("keeps the keystore contract", async () => undefined)
    })
    return
  }
  const run = await start()
  describe(title, () => {
    afterAll(() => run.stop())
    keystoreContract({ describe, it }, run.options)
  })
}
