import type { KeyDescription } from "@apeiro-cmk/plugin-interface"
import { anError, instead, type Mutant, renamed } from "./mutant.ts"

export const keyMutants: readonly Mutant[] = [
  {
    fault: "makes the key that it does not find",
    caughtBy: "never makes a key by encrypting with a name that the keystore does not have",
    andBy: [
      "deletes a key at once or marks it for deletion; it no longer works",
      "says that the key is gone when the administrator has deleted it",
    ],
    keystore: (real) => ({
      async encrypt(request, call) {
        return instead(real.encrypt(request, call), ["KEY_NOT_FOUND"], async () => {
          await real.createKey({ keyId: request.key.keyId, origin: "generate" }, call)
          return real.encrypt(request, call)
        })
      },
    }),
  },
  {
    fault: "describes a key from memory",
    caughtBy: "says that the key is gone when the administrator has deleted it",
    andBy: [
      "says KEY_DISABLED when the administrator has disabled the key",
      "opens no earlier wrap once a name leads to another key, and states the identity of the other key",
    ],
    keystore(real) {
      const remembered = new Map<string, Promise<KeyDescription>>()
      return {
        describeKey(key, call) {
          const described = remembered.get(key.keyId) ?? real.describeKey(key, call)
          remembered.set(key.keyId, described)
          return described
        },
      }
    },
  },
  {
    fault: "gives every key the same identity",
    caughtBy: "gives two keys two identities",
    andBy: [
      "rotates a key: a new version encrypts, the old one still decrypts and is not taken for the new one",
      "opens no earlier wrap once a name leads to another key, and states the identity of the other key",
    ],
    keystore: (real) => ({
      describeKey: async (key, call) => ({ ...(await real.describeKey(key, call)), identity: "reference" }),
    }),
  },
  {
    fault: "gives a key another identity each time",
    caughtBy: "describes its key, with an identity that stays the same",
    andBy: ["rotates a key: a new version encrypts, the old one still decrypts and is not taken for the new one"],
    keystore(real) {
      let asked = 0
      return {
        async describeKey(key, call) {
          asked += 1
          return { ...(await real.describeKey(key, call)), identity: `reference-${key.keyId}-${asked}` }
        },
      }
    },
  },
  {
    fault: "reports a missing key as unreachable",
    caughtBy: "says KEY_NOT_FOUND about a key that the keystore does not have",
    andBy: ["says that the key is gone when the administrator has deleted it"],
    keystore: (real) => ({
      describeKey: (key, call) => renamed(real.describeKey(key, call), "KEY_NOT_FOUND", () => anError("UNREACHABLE")),
    }),
  },
  {
    fault: "makes the key again when it is there already",
    caughtBy: "creates a key that the keystore has and that works, once for one name",
    keystore: (real) => ({
      async createKey(request, call) {
        await instead(real.deleteKey({ keyId: request.keyId }, call), ["KEY_NOT_FOUND"], async () => undefined)
        return real.createKey(request, call)
      },
    }),
  },
  {
    fault: "makes old ciphertexts useless by a rotation",
    caughtBy: "rotates a key: a new version encrypts, the old one still decrypts and is not taken for the new one",
    keystore: (real) => ({
      async decrypt(request, call) {
        const { latestVersion } = await real.describeKey(request.key, call)
        if (request.keyVersion !== latestVersion) throw anError("CIPHERTEXT_REJECTED")
        return real.decrypt(request, call)
      },
    }),
  },
  {
    fault: "does not rotate",
    caughtBy: "rotates a key: a new version encrypts, the old one still decrypts and is not taken for the new one",
    keystore: (real) => ({ rotateKey: (key, call) => real.describeKey(key, call) }),
  },
  {
    fault: "does not delete",
    caughtBy: "deletes a key at once or marks it for deletion; it no longer works",
    keystore: (real) => ({
      deleteKey: async (key, call) => {
        await real.describeKey(key, call)
      },
    }),
  },
  {
    fault: "does not disable",
    caughtBy: "disables a key: nothing is encrypted or decrypted with it",
    keystore: (real) => ({
      disableKey: async (key, call) => {
        await real.describeKey(key, call)
      },
    }),
  },
  {
    fault: "does not enable",
    caughtBy: "leaves an enabled key enabled, and a disabled one works again",
    keystore: (real) => ({
      enableKey: async (key, call) => {
        await real.describeKey(key, call)
      },
    }),
  },
  {
    fault: "lists the newest version first",
    caughtBy: "lists the versions of a key, oldest first, the one in use among them",
    keystore: (real) => ({
      listKeyVersions: async (key, call) => (await real.listKeyVersions(key, call)).toReversed(),
    }),
  },
  {
    fault: "accepts altered material, and makes a key of its own instead",
    caughtBy: "refuses key material that is altered, and the key stays without",
    andBy: [
      "refuses key material that is cut short, and the key stays without",
      "refuses key material that is wrapped for another public key, and the key stays without",
    ],
    keystore: (real) => ({
      importKeyMaterial: (request, call) =>
        instead(real.importKeyMaterial(request, call), ["CIPHERTEXT_REJECTED"], async () => {
          await real.deleteKey(request.key, call)
          return real.createKey({ keyId: request.key.keyId, origin: "generate" }, call)
        }),
    }),
  },
  {
    fault: "imports another key than it was given",
    caughtBy: "imports key material that was wrapped as its parameters say, and encrypts with exactly that material",
    keystore: (real) => ({
      async importKeyMaterial(request, call) {
        await real.importKeyMaterial(request, call)
        await real.deleteKey(request.key, call)
        return real.createKey({ keyId: request.key.keyId, origin: "generate" }, call)
      },
    }),
  },
  {
    fault: "makes the material itself where it should wait for it",
    caughtBy: "lets a key that waits for its material encrypt nothing",
    andBy: [
      "gives import parameters with an RSA key of 2048 bits or more that have not expired",
      "imports key material that was wrapped as its parameters say, and encrypts with exactly that material",
      "refuses key material that is altered, and the key stays without",
      "refuses key material that is cut short, and the key stays without",
      "refuses key material that is wrapped for another public key, and the key stays without",
    ],
    keystore: (real) => ({ createKey: ({ keyId }, call) => real.createKey({ keyId, origin: "generate" }, call) }),
  },
  {
    fault: "does in silence what its manifest says it cannot",
    caughtBy: "rejects rotateKey with UNSUPPORTED",
    andBy: ["has each capability that its kind of keystore can give"],
    manifest: {
      capabilities: ["listKeyVersions", "createKey", "enableKey", "disableKey", "deleteKey", "importKey"],
      unsupported: { rotateKey: "the mutant says so" },
    },
  },
  {
    fault: "refuses what its keystore can do",
    caughtBy: "has each capability that its kind of keystore can give",
    manifest: {
      capabilities: ["listKeyVersions", "createKey", "enableKey", "disableKey", "deleteKey", "importKey"],
      unsupported: { rotateKey: "the mutant says so" },
    },
    keystore: () => ({
      rotateKey: async () => {
        throw anError("UNSUPPORTED")
      },
    }),
  },
  {
    fault: "makes a key for a caller who has given up",
    caughtBy: "makes no key for a caller who has given up already",
    keystore: (real) => ({
      async createKey(request, call) {
        await real.createKey(request, { ...call, signal: new AbortController().signal })
        if (call.signal.aborted) throw call.signal.reason
        return real.describeKey({ keyId: request.keyId }, call)
      },
    }),
  },
  {
    fault: "leaves a half-made key behind",
    caughtBy: "leaves no half-made key when the caller of createKey gives up in the middle",
    keystore: (real) => ({
      async createKey(request, call) {
        const created = await real.createKey(request, call)
        if (request.origin === "import" || created.latestVersion !== "1") return created
        const deaf = { ...call, signal: new AbortController().signal }
        await real.disableKey(created.key, deaf)
        await real.describeKey(created.key, call)
        await real.enableKey(created.key, deaf)
        return created
      },
    }),
  },
]
