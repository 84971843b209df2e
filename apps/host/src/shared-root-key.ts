import { hkdfSync, type KeyObject } from "node:crypto"
import type { Database } from "@apeiro-cmk/persistence"
import { HostError } from "./errors.ts"

const checkLength = 32

/**
 * Makes sure that all hosts of one database have the same root key: a host with another key could not read what the others
 * sealed, and would find out only while a tenant waits. It compares a value that follows from the key and reveals nothing
 * about it with the value that the first host stored.
 *
 * @throws {HostError} ROOT_KEY_DIFFERS
 */
export async function requireSharedRootKey(database: Database, rootKey: KeyObject): Promise<void> {
  if (!database.isShared) return
  const check = Buffer.from(hkdfSync("sha512", rootKey, "", "apeiro-cmk/v1/root-key-check", checkLength))
  const value = check.toString("base64url")
  if ((await database.sharedFacts.firstStated("root-key-check", value)) === value) return
  throw new HostError(
    "ROOT_KEY_DIFFERS",
    "The root key of this host differs from that of the other hosts of its database.",
    {
      origin: "host",
      retryable: false,
      nextStep:
        "Set credentialStore.root to a copy of the file that the other hosts use (docs/guides/run-on-postgresql.md).",
    },
  )
}
