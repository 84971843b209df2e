import { AwsError } from "./aws-error.ts"
import type { KmsAnswer } from "./kms-operation.ts"
import { type KmsOperation, kmsOperations } from "./kms-operations.ts"
import { type Caller, KmsCall, KmsStore } from "./kms-store.ts"

/** AWS KMS: keys, aliases and the operations on them. */
export class Kms extends KmsStore {
  /** Answers one operation. @throws {AwsError} */
  async answer(operation: string, body: Buffer, caller: Caller): Promise<KmsAnswer> {
    if (!isOperation(operation)) throw new AwsError("UnknownOperationException", "")
    const request: unknown = JSON.parse(body.toString("utf8") || "{}")
    return kmsOperations[operation](request, new KmsCall(this, caller, operation))
  }
}

function isOperation(name: string): name is KmsOperation {
  return Object.hasOwn(kmsOperations, name)
}
