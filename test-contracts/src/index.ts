export { keystoreCapabilities } from "@apeiro-cmk/plugin-interface"
export type { CaseResult } from "./case-results.ts"
export { type CreatedPlugin, createInProcess } from "./configured-once/create-in-process.ts"
export type {
  ConfiguredOnceContractOptions,
  ConfiguredOnceKind,
  OpenedPlugin,
  OpenPluginRequest,
  PluginConfigurationInput,
} from "./configured-once/options.ts"
export { type ExpectedOutcome, expectedOutcomes, faults } from "./fault-matrix/expected-outcomes.ts"
export {
  type FaultCell,
  type FaultMatrixOptions,
  type FaultOperation,
  type FaultOutcome,
  faultOperations,
  type OpenedBehindProxy,
  runFaultCell,
} from "./fault-matrix/fault-cell.ts"
export { keystoreFaultMatrix } from "./fault-matrix/fault-matrix.ts"
export type { AnswerFault, CertificateFault, Fault, FaultMode, StreamFault } from "./fault-proxy/fault-modes.ts"
export {
  type ProxyCertificate,
  type ProxyCertificates,
  type TcpFaultProxy,
  type TcpFaultProxyOptions,
  tcpFaultProxy,
} from "./fault-proxy/proxy.ts"
export { type CapabilityRow, capabilityRows } from "./kinds/keystore/capability-rows.ts"
export { keystoreContract } from "./kinds/keystore/contract.ts"
export type { ContractRun } from "./kinds/keystore/contract-run.ts"
export { type BackendType, expectedByBackend } from "./kinds/keystore/expected-capabilities.ts"
export type { KeystoreBackend, KeystoreContractOptions, OpenedKeystore, OpenRequest } from "./kinds/keystore/options.ts"
export {
  type Boundary,
  type ContractRunner,
  type PluginContractRun,
  pluginContractRun,
  proveContractRun,
  type StartedPlugin,
  type StartPlugin,
  type TitledContractRun,
} from "./kinds/keystore/plugin-contract-run.ts"
export { keystoreContractCases, keystoreContractResults } from "./kinds/keystore/results.ts"
export type { ContractOptions } from "./kinds/table.ts"
export { pluginContract, pluginContractResults } from "./plugin-contract.ts"
export { type ReferenceBackend, startReferenceBackend } from "./reference/backend.ts"
export { openReference } from "./reference/keystore/open.ts"
export { referencePlugin } from "./reference/keystore/plugin.ts"
export { type ReferenceServer, startReferenceServer } from "./reference/keystore/server.ts"
export type { ReferenceVault } from "./reference/keystore/vault.ts"
export { openReferencePlugin } from "./reference/open-plugin.ts"
export { type ReferenceKind, referencePlugins } from "./reference/plugins.ts"
export type { TestRunner } from "./runner.ts"
export { createOverWire } from "./wire/create-over-wire.ts"
export { type OpenedOverWire, openOverWire } from "./wire/open-over-wire.ts"
export type { PluginExecutable } from "./wire/plugin-process.ts"
