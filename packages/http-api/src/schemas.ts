/** Schemas of requests and answers, for programs that call the API. They need none of the server's packages. */
export { connectionStep } from "./connection-test/schemas.ts"
export { base64Of } from "./fields.ts"
export { type ProblemDocument, problemDocument } from "./problems/problem-document.ts"
export { auditEntriesAnswer } from "./resources/audit/schemas.ts"
export { claimAnswer, claimList } from "./resources/claims/schemas.ts"
export { generatedDataKey, unwrappedDataKey } from "./resources/data-keys/schemas.ts"
export { keystoreHealthAnswer } from "./resources/keystores/health-schemas.ts"
export { importedKeyAnswer, importParameters, wrappedKeyMaterial } from "./resources/keystores/key-import-schemas.ts"
export {
  activationAnswer,
  keystoreAnswer,
  keystoreDocument,
  keystoreList,
  keystoreSummary,
} from "./resources/keystores/schemas.ts"
export { platformKeystoreAnswer, platformKeystoreList } from "./resources/platform-keystores/schemas.ts"
export { serviceKeyAnswer, serviceKeyList } from "./resources/service-keys/schemas.ts"
export { tenantVerification } from "./resources/tenant-keys/schemas.ts"
export { tenantAnswer, tenantList } from "./resources/tenants/schemas.ts"
export { createdToken, tokenList } from "./resources/tokens/schemas.ts"
export { setupMaterialAnswer } from "./setup-material/schemas.ts"
