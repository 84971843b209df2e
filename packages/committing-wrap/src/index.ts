export { FieldReader, joinFields } from "./byte-fields.ts"
export {
  commitmentLength,
  openCommitted,
  openSealedFields,
  parseSealed,
  type SealedFields,
  saltLength,
  sealCommitted,
  type WrapParameters,
} from "./committing-wrap.ts"
export { WrapError, type WrapErrorCode } from "./error.ts"
export {
  aes256GcmOpen,
  aes256GcmSeal,
  hkdfSha512,
  keyLength,
  nonceLength,
  type SealedText,
  tagLength,
} from "./primitives.ts"
