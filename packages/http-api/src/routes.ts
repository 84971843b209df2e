import type { Route } from "./pipeline/route.ts"
import { auditEntries, auditExport, platformAuditEntries, platformAuditExport } from "./resources/audit/routes.ts"
import { listClaims, releaseClaim } from "./resources/claims/routes.ts"
import { dataKeyBatch, generateDataKey, rewrapDataKey, unwrapDataKey } from "./resources/data-keys/routes.ts"
import { health, livez, readyz } from "./resources/health/routes.ts"
import {
  activateKeystore,
  setupMaterial,
  setupMaterialUnsaved,
  testKeystore,
  testUnsavedKeystore,
} from "./resources/keystores/acts.ts"
import { keystoreHealth } from "./resources/keystores/health.ts"
import { importKeyMaterial, keyImportParameters } from "./resources/keystores/key-import.ts"
import {
  addKeystore,
  changeKeystore,
  getKeystore,
  listKeystores,
  removeKeystore,
} from "./resources/keystores/routes.ts"
import { createOpenApiRoute } from "./resources/openapi/routes.ts"
import {
  getPlatformKeystore,
  listPlatformKeystores,
  removePlatformKeystore,
  requestPlatformKeystore,
} from "./resources/platform-keystores/routes.ts"
import { pluginSetupMaterial, testPlugin } from "./resources/plugins/acts.ts"
import { listPlugins } from "./resources/plugins/routes.ts"
import { createServiceKey, listServiceKeys } from "./resources/service-keys/routes.ts"
import { exportKeys, verifyTenant } from "./resources/tenant-keys/routes.ts"
import { createTenant, getTenant, listTenants } from "./resources/tenants/routes.ts"
import { createToken, deleteToken, getToken, listTokens } from "./resources/tokens/routes.ts"

/** The routes of the API listener, without the one of their OpenAPI document. */
const resourceRoutes: readonly Route[] = [
  livez,
  readyz,
  health,
  listPlugins,
  testPlugin,
  pluginSetupMaterial,
  platformAuditEntries,
  platformAuditExport,
  requestPlatformKeystore,
  listPlatformKeystores,
  getPlatformKeystore,
  removePlatformKeystore,
  listClaims,
  releaseClaim,
  createTenant,
  listTenants,
  getTenant,
  createToken,
  listTokens,
  getToken,
  deleteToken,
  addKeystore,
  listKeystores,
  testUnsavedKeystore,
  setupMaterialUnsaved,
  getKeystore,
  changeKeystore,
  removeKeystore,
  testKeystore,
  activateKeystore,
  setupMaterial,
  keyImportParameters,
  importKeyMaterial,
  keystoreHealth,
  createServiceKey,
  listServiceKeys,
  generateDataKey,
  unwrapDataKey,
  rewrapDataKey,
  dataKeyBatch,
  auditEntries,
  auditExport,
  verifyTenant,
  exportKeys,
]

/** Every route of the API listener. */
export const apiRoutes: readonly Route[] = [...resourceRoutes, createOpenApiRoute(resourceRoutes)]

/** Every route of the operations listener. */
export const operationsRoutes: readonly Route[] = [livez, readyz]
