import type { Route } from "../http/route.ts"
import { auditEntries, auditExport, platformAuditEntries, platformAuditExport } from "./audit.ts"
import { dataKeyBatch, generateDataKey, rewrapDataKey, unwrapDataKey } from "./data-keys.ts"
import { health, livez, readyz } from "./health.ts"
import { importKeyMaterial, keyImportParameters } from "./key-import.ts"
import {
  activateKeystore,
  setupMaterial,
  setupMaterialUnsaved,
  testKeystore,
  testUnsavedKeystore,
} from "./keystore-acts.ts"
import { keystoreHealth } from "./keystore-health.ts"
import { addKeystore, changeKeystore, getKeystore, listKeystores, removeKeystore } from "./keystores.ts"
import { createOpenApiRoute } from "./openapi.ts"
import {
  getPlatformKeystore,
  listPlatformKeystores,
  removePlatformKeystore,
  requestPlatformKeystore,
} from "./platform-keystores.ts"
import { listPlugins } from "./plugins.ts"
import { createServiceKey, listServiceKeys } from "./service-keys.ts"
import { exportKeys, verifyTenant } from "./tenant-keys.ts"
import { createTenant, getTenant, listTenants } from "./tenants.ts"
import { createToken, deleteToken, getToken, listTokens } from "./tokens.ts"

/** Every route of the API listener but the document that describes them. */
const resourceRoutes: readonly Route[] = [
  livez,
  readyz,
  health,
  listPlugins,
  platformAuditEntries,
  platformAuditExport,
  requestPlatformKeystore,
  listPlatformKeystores,
  getPlatformKeystore,
  removePlatformKeystore,
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
