import { hkdfSync } from "node:crypto"
import { loadOrCreateRootKey, loadRootKey, opensCredential, type RootKey } from "@apeiro-cmk/credential-store"
import type { Database } from "@apeiro-cmk/persistence"
import { HostError, type HostErrorCode } from "./errors.ts"

const factName = "root-key-check"
const checkLength = 32

/**
 * Loads the root key, and makes sure that it is the one of the database: with another key, nothing that was sealed could
 * be read, and that would show only while a tenant waits. It compares a value that follows from the key, and reveals
 * nothing about it, with the value that the first start stored. Where an earlier version stored none, the key must open a
 * stored credential. Only a database that has neither gets a new key.
 *
 * @param path - file of the root key
 * @throws {HostError} ROOT_KEY_MISSING - the database was used with a root key, and there is no file
 * @throws {HostError} ROOT_KEY_DIFFERS
 * @throws {CredentialStoreError} ROOT_KEY_INVALID, ROOT_KEY_EXPOSED
 */
export async function openRootKey(path: string, { samples, sharedFacts }: Database): Promise<RootKey> {
  const stated = await sharedFacts.stated(factName)
  const credential = stated === undefined ? await samples.anyCredential() : undefined
  const isNew = stated === undefined && credential === undefined
  const rootKey = isNew ? await loadOrCreateRootKey(path) : await loadRootKey(path)
  if (rootKey === undefined) throw refused("ROOT_KEY_MISSING", "The root key of this database is missing.")
  const isProved = credential === undefined || opensCredential(rootKey, credential)
  const check = checkOf(rootKey)
  if (!isProved || (await sharedFacts.firstStated(factName, check)) !== check) {
    throw refused("ROOT_KEY_DIFFERS", "The root key of this host is not the one of its database.")
  }
  return rootKey
}

function checkOf({ key }: RootKey): string {
  const check = hkdfSync("sha512", key, "", "apeiro-cmk/v1/root-key-check", checkLength)
  return Buffer.from(check).toString("base64url")
}

function refused(code: HostErrorCode, message: string): HostError {
  return new HostError(code, message, {
    origin: "host",
    retryable: false,
    nextStep:
      "Set credentialStore.root to the file that the database was used with, or restore that file from its backup; packages/credential-store/README.md says what to do where none is left.",
  })
}
