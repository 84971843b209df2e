import { createSocket } from "node:dgram"
import { once } from "node:events"

/** Answer of a test DNS server about a name: addresses, that there is no such name, a failure, or nothing at all. */
export type TestAnswer = readonly string[] | "unknown" | "failure" | "silence"

/** A DNS server of our own on loopback, over UDP: it knows A and AAAA, and nothing else. For tests only. */
export interface DnsTestServer extends AsyncDisposable {
  /** `address:port`. */
  readonly address: string
  /** Names that it was asked for, each as `name A` or `name AAAA`, in order. */
  readonly questions: readonly string[]
  /** Resolves when it has been asked so many questions. */
  asked(questions: number): Promise<void>
}

const typeA = 1
const typeAaaa = 28

/** Starts a {@link DnsTestServer}. @param answerTo - says what it answers about a name in lower case */
export async function dnsTestServer(
  answerTo: (name: string, type: "A" | "AAAA") => TestAnswer,
  ttlSeconds = 300,
): Promise<DnsTestServer> {
  const socket = createSocket("udp4")
  const questions: string[] = []
  socket.on("message", (query, peer) => {
    const { name, type, end } = questionOf(query)
    questions.push(`${name} ${type}`)
    socket.emit("asked")
    const answer = answerTo(name, type)
    if (answer !== "silence")
      socket.send(reply(query.subarray(0, end), answer, type, ttlSeconds), peer.port, peer.address)
  })
  socket.bind(0, "127.0.0.1")
  await once(socket, "listening")
  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    async asked(count) {
      while (questions.length < count) await once(socket, "asked")
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, "close")
      socket.close()
      await closed
    },
  }
}

/** RFC 1035 §4.1: 12 bytes of header, then labels with their lengths, a zero, type and class. */
function questionOf(query: Buffer) {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length))
    at += 1 + length
  }
  const type = query.readUInt16BE(at + 1) === typeAaaa ? "AAAA" : "A"
  return { name: labels.join(".").toLowerCase(), type, end: at + 5 } as const
}

function reply(question: Buffer, answer: readonly string[] | "unknown" | "failure", type: "A" | "AAAA", ttl: number) {
  const fitting = typeof answer === "string" ? [] : answer.filter((each) => each.includes(":") === (type === "AAAA"))
  const message = Buffer.from(question)
  // Response, recursion desired and available; then the code: 3 is NXDOMAIN, 2 is SERVFAIL.
  message.writeUInt16BE(0x8180 | (answer === "unknown" ? 3 : answer === "failure" ? 2 : 0), 2)
  for (const [offset, count] of [1, fitting.length, 0, 0].entries()) message.writeUInt16BE(count, 4 + 2 * offset)
  return Buffer.concat([message, ...fitting.map((address) => record(address, ttl))])
}

function record(address: string, ttl: number): Buffer {
  const bytes = address.includes(":") ? ipv6Bytes(address) : Buffer.from(address.split(".").map(Number))
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0) // the name of the question
  head.writeUInt16BE(bytes.length === 4 ? typeA : typeAaaa, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(ttl, 6)
  head.writeUInt16BE(bytes.length, 10)
  return Buffer.concat([head, bytes])
}

function ipv6Bytes(address: string): Buffer {
  const [left = "", right = ""] = address.split("::")
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)))
  const [first, last] = [groups(left), groups(right)]
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}
