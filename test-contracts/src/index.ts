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
export { type CapabilityRow, capabilityRows } from "./keystore/capability-rows.ts"
export { keystoreContract } from "./keystore/contract.ts"
export type { ContractRun } from "./keystore/contract-run.ts"
export { type BackendType, expectedByBackend } from "./keystore/expected-capabilities.ts"
export { keystoreCapabilities } from "./keystore/manifest-cases.ts"
export type { KeystoreBackend, KeystoreContractOptions, OpenedKeystore, OpenRequest } from "./keystore/options.ts"
export {
  type Boundary,
  type ContractRunner,
  type PluginContractRun,
  pluginContractRun,
  proveContractRun,
  type StartedPlugin,
  type StartPlugin,
  type TitledContractRun,
} from "./keystore/plugin-contract-run.ts"
export { type CaseResult, keystoreContractCases, keystoreContractResults } from "./keystore/results.ts"
export { openReference } from "./reference/open.ts"
export { referencePlugin } from "./reference/plugin.ts"
export { type ReferenceServer, startReferenceServer } from "./reference/server.ts"
export type { ReferenceVault } from "./reference/vault.ts"
export type { TestRunner } from "./runner.ts"
export { type OpenedOverWire, openOverWire, type PluginExecutable } from "./wire/open-over-wire.ts"
