export {
  fortanixClientAvailable,
  goHostAvailable,
  kryopticAvailable,
  kubernetesAvailable,
  motoAvailable,
  openBaoAvailable,
  postgresAvailable,
  softHsmAvailable,
} from "./availability.ts"
export {
  AwsEmulator,
  type AwsEmulatorOptions,
  type AwsLogEntry,
  startAwsEmulator,
} from "./aws-emulator/emulator.ts"
export { decryptWithMaterial, type KmsKey, readHead } from "./aws-emulator/kms-key.ts"
export { createTokenIssuer, type TokenIssuer, type TokenWish } from "./aws-emulator/token-issuer.ts"
export type { IdentityProvider } from "./aws-emulator/web-identity-token.ts"
export { bundledExecutable } from "./bundled-executable.ts"
export { backendFolder } from "./cache.ts"
export {
  type CertificateSubject,
  createServerCertificates,
  createTestAuthority,
  type IssuedCertificate,
  type ServerCertificates,
  type TestAuthority,
} from "./certificates.ts"
export { type ConnectProxy, connectProxy } from "./connect-proxy.ts"
export { fortanixClientVersion, installFortanixClient } from "./fortanix-client/install.ts"
export { runFortanixClient } from "./fortanix-client/run-client.ts"
export { openAes } from "./fortanix-emulator/aes.ts"
export type { AppPermission, DsmApp, DsmGroup } from "./fortanix-emulator/app.ts"
export {
  type AppWish,
  type DsmFault,
  FortanixEmulator,
  type FortanixEmulatorOptions,
  startFortanixEmulator,
} from "./fortanix-emulator/emulator.ts"
export type { DsmKey } from "./fortanix-emulator/key-object.ts"
export { freePorts } from "./free-port.ts"
export { type CmkEmulator, createCmkEmulator, type HyokKey, type Registration } from "./go-host/cmk-emulator.ts"
export { type GoHost, type GoHostAnswer, type GoHostPlugin, startGoHost } from "./go-host/go-host.ts"
export { installGoHost, installGoPlugin, upstreamSdkVersion } from "./go-host/install.ts"
export { type GuardedProcess, type GuardOptions, startGuarded } from "./guarded-process.ts"
export { installKryoptic, kryopticVersion } from "./kryoptic/install.ts"
export { startKryoptic } from "./kryoptic/tokens.ts"
export { installKubernetes, kubernetesVersion } from "./kubernetes/install.ts"
export { type KubernetesRequest, KubernetesServer, startKubernetes } from "./kubernetes/server.ts"
export { installMoto, motoVersion } from "./moto/install.ts"
export { runBotocore } from "./moto/run-botocore.ts"
export { type MotoServer, startMoto } from "./moto/server.ts"
export {
  type AppRoleCredential,
  type AppRoleOptions,
  OpenBaoAdmin,
  type TokenOptions,
  type TransitKey,
  type TransitKeyOptions,
} from "./openbao/admin.ts"
export type { OpenBaoAuditEntry } from "./openbao/audit-file.ts"
export { type OpenBaoCluster, type OpenBaoClusterOptions, startOpenBaoCluster } from "./openbao/cluster.ts"
export { installOpenBao, openBaoVersion } from "./openbao/install.ts"
export { joinOpenBao, type OpenBaoOptions, OpenBaoServer, startOpenBao } from "./openbao/server.ts"
export type { OpenBaoAnswer, OpenBaoEndpoint, OpenBaoRequest } from "./openbao/vault-client.ts"
export { buildFaultModule, type FaultModule, type TokenFault } from "./pkcs11/fault-module.ts"
export { TokenAdmin } from "./pkcs11/token-admin.ts"
export type { Pkcs11Tokens } from "./pkcs11/tokens.ts"
export { installPostgres, postgresVersion } from "./postgres/install.ts"
export { type PostgresOptions, PostgresServer, startPostgres } from "./postgres/server.ts"
export { type PostgresDatabases, sharedPostgres } from "./shared/shared-postgres.ts"
export { installSoftHsm, type SoftHsmInstallation, softHsmVersion } from "./softhsm/install.ts"
export { startSoftHsm } from "./softhsm/tokens.ts"
export { BackendUnavailable } from "./unavailable.ts"
