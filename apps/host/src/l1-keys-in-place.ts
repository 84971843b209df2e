import { randomUUID } from "node:crypto"
import { timeBudgets } from "@apeiro-cmk/host-call"
import type { Catalog } from "@apeiro-cmk/host-runtime"
import type { KeystoreManager, KeystoreRecord } from "@apeiro-cmk/keystore-manager"
import type { Database } from "@apeiro-cmk/persistence"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { HostError } from "./errors.ts"

/** Keystores of one plugin that are asked for their key; one that still has it is enough. */
const sampleSize = 20

interface Parts {
  readonly catalog: Pick<Catalog, "running">
  readonly database: Pick<Database, "samples">
  readonly keystores: Pick<KeystoreManager, "caller">
  readonly clock: Clock
}

/**
 * Makes sure that plugins which are not for production, and keep L1 keys on this machine, still have those that wrap
 * tenant keys: such a plugin makes new keys where its own are missing. A keystore that does not answer proves nothing, nor
 * does a single other key.
 *
 * @throws {HostError} L1_KEYS_REPLACED
 */
export async function requireL1KeysInPlace({ catalog, database, keystores, clock }: Parts): Promise<void> {
  for (const { name, definition } of catalog.running("keystore")) {
    const { pluginType, productionReady } = definition.manifest
    if (productionReady) continue
    const active = await database.samples.activeKeystores(pluginType, sampleSize)
    const found = await Promise.all(active.map((record) => hasItsKey(record, keystores, clock)))
    const wrong = found.indexOf(false)
    if (wrong === -1 || found.includes(true)) continue
    throw replaced(name, active[wrong])
  }
}

/** @returns undefined where the keystore does not say */
async function hasItsKey(
  record: KeystoreRecord,
  { caller }: Parts["keystores"],
  clock: Clock,
): Promise<boolean | undefined> {
  const { tenantId, keystoreId, keyIdentity } = record
  const call = {
    ...{ tenantId, keystoreId, requestId: randomUUID() },
    signal: new AbortController().signal,
    deadlineMs: clock.nowMs() + timeBudgets.keystoreOperation.limitMs,
  }
  try {
    const { identity } = await caller.use(record, call, (keystore, options) =>
      keystore.describeKey(keystore.defaultKey, options),
    )
    return identity === keyIdentity
  } catch {
    return undefined
  }
}

function replaced(plugin: string, record: KeystoreRecord | undefined): HostError {
  const example = `${record?.keystoreId} of the tenant ${record?.tenantId}`
  const message = `The plugin ${plugin} no longer has the L1 keys of its keystores, e.g. of ${example}: they were lost or replaced.`
  return new HostError("L1_KEYS_REPLACED", message, {
    origin: "host",
    retryable: false,
    nextStep: `Stop the host, restore what ${plugin} keeps its keys in (for local-keystore: its keyFile) from a backup, and start again. Without them, what they wrap cannot be opened again: start with a new data directory.`,
  })
}
