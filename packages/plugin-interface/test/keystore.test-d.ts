import { expectTypeOf } from "vitest"
import type {
  CallOptions,
  ConnectionStep,
  DecryptRequest,
  EncryptionContext,
  EncryptRequest,
  KeystoreV1,
  ProbeResult,
} from "../src/index.ts"

// A context is exactly these three: one more would bind wraps to something that no other host knows.
expectTypeOf<keyof EncryptionContext>().toEqualTypeOf<"tenantId" | "keyId" | "keyVersion">()
expectTypeOf<keyof EncryptRequest>().toEqualTypeOf<"key" | "plaintext" | "context">()
expectTypeOf<keyof DecryptRequest>().toEqualTypeOf<"key" | "ciphertext" | "keyVersion" | "context">()

// Every call carries its signal, deadline and tenant.
expectTypeOf<KeystoreV1["encrypt"]>().parameter(1).toEqualTypeOf<CallOptions>()
expectTypeOf<KeystoreV1["decrypt"]>().parameter(1).toEqualTypeOf<CallOptions>()
expectTypeOf<KeystoreV1["probe"]>().toEqualTypeOf<(call: CallOptions) => Promise<ProbeResult>>()
expectTypeOf<KeystoreV1["testConnection"]>().returns.toEqualTypeOf<AsyncIterable<ConnectionStep>>()
// @ts-expect-error - a call without a tenant
export const withoutTenant: CallOptions = { signal: new AbortController().signal, deadlineMs: 0 }

// No method is optional: what a keystore cannot do, it refuses with UNSUPPORTED.
type OptionalKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T]
expectTypeOf<OptionalKeys<KeystoreV1>>().toEqualTypeOf<never>()

// Everything is readonly, so that neither side can change what the other holds.
export function change(request: EncryptRequest, step: ConnectionStep): void {
  // @ts-expect-error - readonly
  request.context = { tenantId: "acme", keyId: "l2", keyVersion: 1 }
  // @ts-expect-error - readonly
  step.outcome = "passed"
}

// An absent value is left out; it is never present as undefined.
// @ts-expect-error - backendRequestId must be a text where it is present
export const step: ConnectionStep = { name: "a", outcome: "passed", durationMs: 1, message: "m", code: undefined }
