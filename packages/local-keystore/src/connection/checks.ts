import { abortReason } from "@apeiro-cmk/plugin-sdk"
import type { Check } from "./connection-check.ts"

/** Checks that the key file is unchanged and that only the host's user may read it. */
export const checkKeyFile: Check = async ({ checkFile }, { signal }) => {
  if (signal.aborted) throw abortReason(signal)
  await checkFile()
  return { outcome: "passed", message: "The key file is unchanged, and only the host's user may read it." }
}

/** Describes the key. Always warns, since it is a software key. */
export const checkKeyAccess: Check = async ({ keystore }, call) => {
  const { warnings, latestVersion, algorithm } = await keystore.describeKey(keystore.defaultKey, call)
  const facts = { l1_key_algorithm: algorithm, l1_key_version: latestVersion }
  const nextStep = "Use a keystore with an HSM for anything but trials."
  return { outcome: "warned", message: warnings.join(" "), nextStep, facts }
}

/** Encrypts and decrypts random bytes. */
export const checkRoundTrip: Check = async ({ keystore }, call) => {
  await keystore.probe(call)
  return { outcome: "passed", message: "32 random bytes were encrypted and decrypted." }
}
