import type { KeyDescription } from "@apeiro-cmk/plugin-interface"
import type { TokenFacts, TokenKey } from "../token/messages.ts"
import { versionName } from "../token/versions.ts"

/**
 * Describes a key by the attributes of its versions. Its identity is the serial number of the partition, the label
 * and the check value of the first version, as the token reports them.
 *
 * @param serialNumbers - of the partitions, where the configuration has them
 * @param versions - oldest first; at least one
 */
export function descriptionOf(
  label: string,
  serialNumbers: readonly string[],
  { serialNumber }: TokenFacts,
  versions: readonly TokenKey[],
): KeyDescription {
  const [oldest] = versions
  const latest = versions.at(-1)
  if (oldest === undefined || latest === undefined) throw new Error("the token described no version of its key")
  // Of several appliances the same one names the key, whichever serves.
  const [first = serialNumber] = serialNumbers.toSorted()
  return {
    key: { keyId: label },
    identity: `pkcs11:serial=${first};object=${encodeURIComponent(label)};check=${oldest.checkValue}`,
    state: "ENABLED",
    algorithm: `aes${latest.lengthBytes * 8}-gcm`,
    exportable: versions.some((key) => key.extractable || !key.neverExtractable),
    latestVersion: versionName(versions.length, latest.checkValue),
    warnings: [...new Set(versions.flatMap(warningsAbout))],
  }
}

function warningsAbout({ extractable, neverExtractable, alwaysSensitive, lengthBytes }: TokenKey): readonly string[] {
  return [
    ...(extractable ? ["The key is extractable: it could leave the HSM."] : []),
    ...(!extractable && !neverExtractable ? ["The key was extractable once, or was generated elsewhere."] : []),
    ...(alwaysSensitive ? [] : ["The key was not sensitive once, or was generated elsewhere."]),
    ...(lengthBytes === 32 ? [] : ["The key has fewer than 256 bits."]),
  ]
}
