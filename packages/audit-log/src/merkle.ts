import { createHash } from "node:crypto"
import { logInconsistent } from "./error.ts"

/** State of one tenant's log: enough to append to it and to compute its root. */
export interface TreeHead {
  readonly tenantId: string
  /** Number of leaves. */
  readonly size: number
  /** Roots of the perfect subtrees that make up the tree, largest first: the binary digits of `size`. 32 bytes each. */
  readonly subtrees: readonly Uint8Array[]
}

const leafPrefix = Uint8Array.of(0)
const nodePrefix = Uint8Array.of(1)

/** Hashes one leaf: `SHA-256(0x00 || leaf)`, RFC 6962 section 2.1. */
export function hashLeaf(leaf: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(leafPrefix).update(leaf).digest())
}

/** Hashes an inner node: `SHA-256(0x01 || left || right)`, RFC 6962 section 2.1. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(nodePrefix).update(left).update(right).digest())
}

/** Makes the head of an empty log. */
export function emptyTree(tenantId: string): TreeHead {
  return { tenantId, size: 0, subtrees: [] }
}

/**
 * Appends a leaf. Takes at most log2(size) + 1 hashes.
 * @returns the new head
 * @throws {AuditError} AUDIT_LOG_INCONSISTENT - the subtrees of the head do not match its size
 */
export function appendLeaf(head: TreeHead, leaf: Uint8Array): TreeHead {
  checkHead(head)
  const subtrees = [...head.subtrees]
  let subtree = hashLeaf(leaf)
  for (let digits = head.size; digits % 2 === 1; digits = Math.floor(digits / 2)) {
    const left = subtrees.pop()
    if (left === undefined) throw logInconsistent(`The log of ${head.tenantId} lacks a subtree.`)
    subtree = hashNode(left, subtree)
  }
  subtrees.push(subtree)
  return { tenantId: head.tenantId, size: head.size + 1, subtrees }
}

/**
 * Computes the Merkle tree hash of the whole log, 32 bytes; for an empty log, SHA-256 of the empty string (RFC 6962
 * section 2.1).
 * @throws {AuditError} AUDIT_LOG_INCONSISTENT - the subtrees of the head do not match its size
 */
export function rootHash(head: TreeHead): Uint8Array {
  checkHead(head)
  let root: Uint8Array | undefined
  for (const subtree of head.subtrees.toReversed()) root = root === undefined ? subtree : hashNode(subtree, root)
  return root ?? new Uint8Array(createHash("sha256").digest())
}

function checkHead({ tenantId, size, subtrees }: TreeHead): void {
  if (!Number.isSafeInteger(size) || size < 0) throw logInconsistent(`The log of ${tenantId} has the size ${size}.`)
  const expected = size.toString(2).replaceAll("0", "").length
  if (subtrees.length !== expected || subtrees.some((subtree) => subtree.length !== 32)) {
    throw logInconsistent(
      `The log of ${tenantId} has ${size} leaves, which do not match its ${subtrees.length} subtrees.`,
    )
  }
}
