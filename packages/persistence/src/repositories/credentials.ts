import type { CredentialReference, CredentialRepository, SealedCredential } from "@apeiro-cmk/credential-store"
import type { CredentialField } from "@apeiro-cmk/keystore-manager"
import type { Kysely } from "kysely"
import { decodeBytes, encodeBytes } from "../encoding.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"

/** Reads sealed credentials; the repository of keystores writes them with the keystore that they belong to. */
export class StoredCredentials implements CredentialRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async credential({ tenantId, keystoreId, name, version }: CredentialReference) {
    const row = await this.#store.run((db) =>
      db
        .selectFrom("credentials")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("keystore_id", "=", keystoreId)
        .where("name", "=", name)
        .where("version", "=", version)
        .executeTakeFirst(),
    )
    return row === undefined ? undefined : sealedCredential(row)
  }
}

/** Stores sealed credentials inside the transaction that writes their keystore. */
export async function insertCredentials(db: Kysely<Schema>, credentials: readonly SealedCredential[]): Promise<void> {
  for (const credential of credentials) {
    await db
      .insertInto("credentials")
      .values({
        tenant_id: credential.tenantId,
        keystore_id: credential.keystoreId,
        name: credential.name,
        version: credential.version,
        sealed: encodeBytes(credential.sealed),
        created_at_ms: credential.createdAtMs,
      })
      .execute()
  }
}

/** Removes the credentials of a keystore that its record no longer names: an obsolete secret is not kept. */
export async function deleteCredentialsExcept(
  db: Kysely<Schema>,
  tenantId: string,
  keystoreId: string,
  kept: readonly CredentialField[],
): Promise<void> {
  const stored = await db
    .selectFrom("credentials")
    .select(["name", "version"])
    .where("tenant_id", "=", tenantId)
    .where("keystore_id", "=", keystoreId)
    .execute()
  for (const { name, version } of stored) {
    if (kept.some((field) => field.name === name && field.version === version)) continue
    await db
      .deleteFrom("credentials")
      .where("tenant_id", "=", tenantId)
      .where("keystore_id", "=", keystoreId)
      .where("name", "=", name)
      .where("version", "=", version)
      .execute()
  }
}

/** Reads a row as the record that it stores. */
export function sealedCredential(row: Schema["credentials"]): SealedCredential {
  return {
    tenantId: row.tenant_id,
    keystoreId: row.keystore_id,
    name: row.name,
    version: row.version,
    sealed: decodeBytes(row.sealed),
    createdAtMs: row.created_at_ms,
  }
}
