import { currentMaterial, type KmsKey } from "./kms-key.ts"

/** `KeyMetadata`, as CreateKey and DescribeKey answer it. */
export function keyMetadata(key: KmsKey, account: string) {
  return {
    ...{ AWSAccountId: account, KeyId: key.id, Arn: key.arn, CreationDate: key.createdAtMs / 1000 },
    ...{ Enabled: key.state === "Enabled", Description: key.description, KeyUsage: key.usage, KeyState: key.state },
    ...{ Origin: key.origin, KeyManager: "CUSTOMER", KeySpec: key.spec, CustomerMasterKeySpec: key.spec },
    EncryptionAlgorithms: [key.spec],
    MultiRegion: key.multiRegion,
    ...(key.multiRegion
      ? {
          MultiRegionConfiguration: {
            MultiRegionKeyType: "PRIMARY",
            PrimaryKey: { Arn: key.arn, Region: key.region },
          },
        }
      : {}),
    ...(key.materials.length === 0 ? {} : { CurrentKeyMaterialId: currentMaterial(key).id }),
    ...(key.materialExpiresAtMs === undefined
      ? {}
      : { ValidTo: key.materialExpiresAtMs / 1000, ExpirationModel: "KEY_MATERIAL_EXPIRES" }),
  }
}
