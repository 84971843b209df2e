import type { CallOptions, KeyVersionDescription } from "@apeiro-cmk/plugin-interface"
import type { ListKeyRotationsResponse, RotationsListEntry } from "@aws-sdk/client-kms"
import type { Kms } from "../client.ts"
import { unnamedVersion } from "./key-facts.ts"

const mostPages = 100

/**
 * Lists the materials of a key, oldest first: KMS encrypts with the current one and decrypts with all. Needs
 * `kms:ListKeyRotations` and `kms:DescribeKey`.
 *
 * @throws {PluginError} any code of a keystore failure
 */
export async function listVersions(
  kms: Kms,
  keyId: string,
  call: CallOptions,
): Promise<readonly KeyVersionDescription[]> {
  const { KeyMetadata: metadata } = await kms.send(call, (client, { DescribeKeyCommand }, abortSignal) =>
    client.send(new DescribeKeyCommand({ KeyId: keyId }), { abortSignal }),
  )
  const bornAtMs = metadata?.CreationDate?.getTime() ?? 0
  const current = metadata?.CurrentKeyMaterialId
  const rotations = await allRotations(kms, metadata?.Arn ?? keyId, call)
  const versions = rotations.map((each) => versionOf(each, bornAtMs, current))
  if (current !== undefined && versions.some(({ versionId }) => versionId === current)) return versions
  return [...versions, { versionId: current ?? unnamedVersion, createdAtMs: bornAtMs, status: "ENABLED" }]
}

async function allRotations(kms: Kms, keyId: string, call: CallOptions): Promise<readonly RotationsListEntry[]> {
  const entries: RotationsListEntry[] = []
  let marker: string | undefined
  for (let page = 0; page < mostPages; page += 1) {
    const answer: ListKeyRotationsResponse = await kms.send(
      call,
      (client, { ListKeyRotationsCommand }, abortSignal) => {
        const request = { KeyId: keyId, IncludeKeyMaterial: "ALL_KEY_MATERIAL" as const }
        const input = marker === undefined ? request : { ...request, Marker: marker }
        return client.send(new ListKeyRotationsCommand(input), { abortSignal })
      },
    )
    entries.push(...(answer.Rotations ?? []))
    if (answer.Truncated !== true || answer.NextMarker === undefined) break
    marker = answer.NextMarker
  }
  return entries
}

function versionOf(
  { KeyMaterialId: id, RotationDate: date, KeyMaterialState: state }: RotationsListEntry,
  bornAtMs: number,
  current: string | undefined,
): KeyVersionDescription {
  const versionId = id ?? unnamedVersion
  const status = state === "PENDING_ROTATION" ? "PENDING_ROTATION" : versionId === current ? "ENABLED" : "DECRYPT_ONLY"
  return { versionId, createdAtMs: date?.getTime() ?? bornAtMs, status }
}
