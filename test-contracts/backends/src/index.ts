export { openBaoAvailable } from "./availability.ts"
export {
  type CertificateSubject,
  createServerCertificates,
  createTestAuthority,
  type IssuedCertificate,
  type ServerCertificates,
  type TestAuthority,
} from "./certificates.ts"
export { freePorts } from "./free-port.ts"
export { type GuardedProcess, startGuarded } from "./guarded-process.ts"
export {
  type AppRoleCredential,
  type AppRoleOptions,
  OpenBaoAdmin,
  type TokenOptions,
  type TransitKey,
  type TransitKeyOptions,
} from "./openbao/admin.ts"
export type { OpenBaoAuditEntry } from "./openbao/audit-file.ts"
export type { OpenBaoAnswer, OpenBaoEndpoint, OpenBaoRequest } from "./openbao/http.ts"
export { installOpenBao, openBaoVersion } from "./openbao/install.ts"
export { type OpenBaoOptions, OpenBaoServer, startOpenBao } from "./openbao/server.ts"
export { BackendUnavailable } from "./unavailable.ts"
