import { openBaoName } from "./neighbourhood.ts"

const headerBytes = 12
const typeA = 1

/** Answers a query (RFC 1035 §4): one name is known, names that begin with `slow` get no answer, others do not exist. */
export function answerTo(query: Buffer): Buffer | undefined {
  const labels: string[] = []
  let at = headerBytes
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length).toLowerCase())
    at += length + 1
  }
  if (labels[0]?.startsWith("slow") === true) return undefined
  const type = query.readUInt16BE(at + 1)
  const isKnown = labels.join(".") === openBaoName
  const header = Buffer.from(query.subarray(0, headerBytes))
  header.writeUInt16BE(0x8180 | (isKnown ? 0 : 3), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(isKnown && type === typeA ? 1 : 0, 6)
  header.fill(0, 8)
  const question = query.subarray(headerBytes, at + 5)
  if (!isKnown || type !== typeA) return Buffer.concat([header, question])
  // A pointer to the name, type A, class IN, 1 s to live, four bytes: 127.0.0.1.
  return Buffer.concat([header, question, Buffer.from("c00c00010001000000010004" + "7f000001", "hex")])
}
