import { createHash } from "node:crypto"
import { existsSync, globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it, type TestContext } from "vitest"
import { appendLeaf, emptyTree, hashLeaf, hashNode, rootHash } from "../src/index.ts"

/** Leaves from the tests of certificate-transparency and transparency-dev, and the roots of 0 to 8 of them. */
const knownLeaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
const knownRoots = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")
const treeOf = (leaves: readonly Uint8Array[]) =>
  leaves.reduce((head, leaf) => appendLeaf(head, leaf), emptyTree("acme"))
const known = (size: number) => knownLeaves.slice(0, size).map((leaf) => new Uint8Array(Buffer.from(leaf, "hex")))

/** Computes the tree hash exactly as RFC 6962 section 2.1 defines it. */
function definition(leaves: readonly Uint8Array[]): Buffer {
  const sha256 = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest()
  if (leaves.length === 0) return sha256()
  const [only] = leaves
  if (leaves.length === 1 && only !== undefined) return sha256(Uint8Array.of(0), only)
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return sha256(Uint8Array.of(1), definition(leaves.slice(0, split)), definition(leaves.slice(split)))
}

describe("Merkle tree of RFC 6962", () => {
  it.each(knownRoots.map((root, size) => ({ root, size })))(
    "has the published root for $size leaves",
    ({ root, size }) => {
      expect(hex(rootHash(treeOf(known(size))))).toBe(root)
    },
  )

  it("has the root of the recursive definition for any leaves", () => {
    const leaves = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 130 })
    fc.assert(fc.property(leaves, (some) => hex(rootHash(treeOf(some))) === hex(definition(some))))
  })

  it("keeps one subtree for each one bit of its size", () => {
    fc.assert(
      fc.property(fc.nat({ max: 300 }), (size) => {
        const head = treeOf(Array.from({ length: size }, () => Uint8Array.of(7)))
        expect(head).toMatchObject({ size, tenantId: "acme" })
        expect(head.subtrees).toHaveLength(size.toString(2).replaceAll("0", "").length)
      }),
    )
  })

  it("has another root when any bit of any leaf changes", () => {
    const leaves = fc.array(fc.uint8Array({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(leaves, fc.nat(), fc.nat(), (some, where, bit) => {
        const changed = some.map((leaf) => leaf.slice())
        const leaf = changed[where % changed.length]
        if (leaf === undefined) return false
        leaf[bit % leaf.length] = (leaf[bit % leaf.length] ?? 0) ^ (1 << (bit % 8))
        return hex(rootHash(treeOf(some))) !== hex(rootHash(treeOf(changed)))
      }),
    )
  })

  it.each([
    ["lacks a subtree", { tenantId: "acme", size: 3, subtrees: [new Uint8Array(32)] }],
    ["has a subtree of another length", { tenantId: "acme", size: 1, subtrees: [new Uint8Array(31)] }],
    ["has a negative size", { tenantId: "acme", size: -1, subtrees: [] }],
  ])("refuses a stored head that %s", (_, head) => {
    const inconsistent = expect.objectContaining({ code: "AUDIT_LOG_INCONSISTENT" })
    expect(() => rootHash(head)).toThrow(inconsistent)
    expect(() => appendLeaf(head, Uint8Array.of(1))).toThrow(inconsistent)
  })
})

const folder = join(process.env.VECTORS_DIR ?? join(import.meta.dirname, "../../../../shared/vectors"), "rfc6962")
/** Reads the vectors; without them the test is skipped with the reason, and fails under CI=true. */
const needVectors = (context: TestContext) => {
  if (existsSync(folder) || process.env.CI === "true") return
  const reason = `skipped: no test vectors in ${folder}; set VECTORS_DIR`
  process.stderr.write(`${reason}\n`)
  context.skip(reason)
}
const happyPaths = (kind: string) =>
  globSync(`${kind}/*/happy-path.json`, { cwd: folder }).map((path) => {
    const vector: Record<string, unknown> = JSON.parse(readFileSync(join(folder, path), "utf8"))
    return vector
  })
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64")

describe("transparency-dev's vectors", () => {
  it("agree with our hashes and roots where they prove inclusion", (context) => {
    needVectors(context)
    const vectors = happyPaths("inclusion")
    expect(vectors).toHaveLength(5)
    for (const { leafIdx, treeSize, root, leafHash, proof } of vectors) {
      const leaves = known(Number(treeSize))
      expect(base64(hashLeaf(leaves[Number(leafIdx)] ?? new Uint8Array()))).toBe(leafHash)
      expect(base64(rootHash(treeOf(leaves)))).toBe(root)
      expect(rootByProof(Number(leafIdx), Number(treeSize), String(leafHash), proof)).toBe(root)
    }
  })

  it("agree with our roots where they prove consistency", (context) => {
    needVectors(context)
    const vectors = happyPaths("consistency")
    expect(vectors).toHaveLength(5)
    for (const { size1, size2, root1, root2 } of vectors) {
      expect(base64(rootHash(treeOf(known(Number(size1)))))).toBe(root1)
      expect(base64(rootHash(treeOf(known(Number(size2)))))).toBe(root2)
    }
  })
})

/** Computes the root from an inclusion proof (RFC 9162 section 2.1.3.2), with our node hash. */
function rootByProof(leafIndex: number, treeSize: number, leafHash: string, proof: unknown): string {
  let index = leafIndex
  let last = treeSize - 1
  let root: Uint8Array = Buffer.from(leafHash, "base64")
  for (const step of Array.isArray(proof) ? proof : []) {
    const sibling = Buffer.from(String(step), "base64")
    if (index % 2 === 1 || index === last) {
      root = hashNode(sibling, root)
      while (index % 2 === 0 && index !== 0) [index, last] = [index >> 1, last >> 1]
    } else {
      root = hashNode(root, sibling)
    }
    index >>= 1
    last >>= 1
  }
  return base64(root)
}
