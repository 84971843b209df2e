import type { DecryptRequest, EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { anError, instead, type Mutant } from "./mutant.ts"

const unbound = { tenantId: "any", keyId: "any", keyVersion: 1 }

/** Tries again, in other ways, what was refused. */
function lenient(others: (request: DecryptRequest) => readonly Partial<DecryptRequest>[]): Pick<Mutant, "keystore"> {
  return {
    keystore: (real) => ({
      async decrypt(request, call) {
        let last = real.decrypt(request, call)
        for (const other of others(request)) {
          last = instead(last, ["CIPHERTEXT_REJECTED"], () => real.decrypt({ ...request, ...other }, call))
        }
        return last
      },
    }),
  }
}

function otherContext(change: (context: EncryptionContext) => Partial<EncryptionContext>): Pick<Mutant, "keystore"> {
  return lenient(({ context }) => [{ context: { ...context, ...change(context) } }])
}

export const cryptographyMutants: readonly Mutant[] = [
  {
    fault: "does not bind the context",
    caughtBy: "uses the keystore's own key: its ciphertext opens by the second route, under its context only",
    andBy: [
      "refuses a ciphertext under another tenant",
      "refuses a ciphertext under another L2 key",
      "refuses a ciphertext under another L2 version",
      "does not take two contexts for the same when their parts run into each other",
      "imports key material that was wrapped as its parameters say, and encrypts with exactly that material",
    ],
    keystore: (real) => ({
      encrypt: (request, call) => real.encrypt({ ...request, context: unbound }, call),
      decrypt: (request, call) => real.decrypt({ ...request, context: unbound }, call),
    }),
  },
  {
    fault: "forgives another tenant",
    caughtBy: "refuses a ciphertext under another tenant",
    ...otherContext(() => ({ tenantId: "contract-tenant" })),
  },
  {
    fault: "forgives another L2 key",
    caughtBy: "refuses a ciphertext under another L2 key",
    ...otherContext(() => ({ keyId: "0197a2c4-contract-l2" })),
  },
  {
    fault: "forgives the next L2 version",
    caughtBy: "refuses a ciphertext under another L2 version",
    ...otherContext(({ keyVersion }) => ({ keyVersion: Math.max(1, keyVersion - 1) })),
  },
  {
    fault: "joins the parts of the context without their lengths",
    caughtBy: "does not take two contexts for the same when their parts run into each other",
    ...lenient(({ context }) => {
      const joined = context.tenantId + context.keyId
      const splits = Array.from({ length: Math.min(8, joined.length - 1) }, (_, at) => at + 1)
      return splits.map((at) => ({ context: { ...context, tenantId: joined.slice(0, at), keyId: joined.slice(at) } }))
    }),
  },
  {
    fault: "decrypts with whatever version of the key fits",
    caughtBy: "refuses a ciphertext under another version of its key",
    andBy: ["rotates a key: a new version encrypts, the old one still decrypts and is not taken for the new one"],
    ...lenient(() => [{ keyVersion: "1" }, { keyVersion: "2" }]),
  },
  {
    fault: "overlooks the last bit",
    caughtBy: "refuses a ciphertext with any single bit changed",
    ...lenient(({ ciphertext }) => [
      { ciphertext: ciphertext.map((byte, at) => (at + 1 === ciphertext.length ? byte ^ 1 : byte)) },
    ]),
  },
  {
    fault: "overlooks bytes behind the ciphertext",
    caughtBy: "refuses a ciphertext that is cut short, extended or empty",
    ...lenient(({ ciphertext }) => [{ ciphertext: ciphertext.slice(0, -1) }]),
  },
  {
    fault: "opens the ciphertext of another key",
    caughtBy: "refuses the ciphertext of another key",
    ...lenient(() => [{ key: { keyId: "l1" } }]),
  },
  {
    fault: "takes 1024 bytes at most",
    caughtBy: "returns what it encrypted, from 1 to 4096 bytes",
    keystore: (real) => ({
      async encrypt(request, call) {
        if (request.plaintext.length > 1024) throw anError("INVALID_REQUEST")
        return real.encrypt(request, call)
      },
    }),
  },
  {
    fault: "encrypts nothing, and whatever is too long",
    caughtBy: "refuses an empty plaintext and one of more than 4096 bytes with INVALID_REQUEST",
    keystore: (real) => ({
      async encrypt(request, call) {
        const { length } = request.plaintext
        const fits = length > 0 && length <= 4096
        return real.encrypt(fits ? request : { ...request, plaintext: new Uint8Array(1) }, call)
      },
    }),
  },
  {
    fault: "keeps the caller's buffer",
    caughtBy: "keeps no buffer of the caller: what is filled with zeros after a call still opens as it was",
    keystore(real) {
      const kept = new Map<string, Uint8Array>()
      const nameOf = (ciphertext: Uint8Array) => Buffer.from(ciphertext).toString("hex")
      return {
        async encrypt(request, call) {
          const sealed = await real.encrypt(request, call)
          kept.set(nameOf(sealed.ciphertext), request.plaintext)
          return sealed
        },
        async decrypt(request, call) {
          const opened = await real.decrypt(request, call)
          return { plaintext: Uint8Array.from(kept.get(nameOf(request.ciphertext)) ?? opened.plaintext) }
        },
      }
    },
  },
  {
    fault: "changes the ciphertext that it is given",
    caughtBy: "changes no buffer that it is given",
    andBy: [
      "shares no memory between two answers",
      "imports key material that was wrapped as its parameters say, and encrypts with exactly that material",
    ],
    keystore: (real) => ({
      async decrypt(request, call) {
        const opened = await real.decrypt(request, call)
        request.ciphertext.fill(0)
        return opened
      },
    }),
  },
  {
    fault: "answers the same question with the same buffer",
    caughtBy: "shares no memory between two answers",
    keystore(real) {
      const answers = new Map<string, Uint8Array>()
      return {
        async decrypt(request, call) {
          const name = Buffer.from(request.ciphertext).toString("hex")
          const { plaintext } = await real.decrypt(request, call)
          const answer = answers.get(name) ?? plaintext
          answers.set(name, answer)
          return { plaintext: answer }
        },
      }
    },
  },
]
