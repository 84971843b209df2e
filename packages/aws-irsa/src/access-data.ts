/** Data that upstream's cryptography layer needs to reach a key: message `proto.aws.v1.AWSKeyAccessData`. */
export interface AwsKeyAccessData {
  readonly keyArn: string
  readonly trustAnchorArn?: string
  readonly profileArn?: string
  readonly roleArn?: string
}

const lengthDelimited = 2

/** Encodes the message as protobuf: text fields in the order of their numbers, without the empty ones. */
export function encodeAccessData({ keyArn, trustAnchorArn, profileArn, roleArn }: AwsKeyAccessData): Uint8Array {
  const fields: readonly (readonly [fieldNumber: number, text: string | undefined])[] = [
    [10, keyArn],
    [20, trustAnchorArn],
    [30, profileArn],
    [40, roleArn],
  ]
  return Buffer.concat(
    fields.flatMap(([fieldNumber, text = ""]) => {
      if (text === "") return []
      const bytes = Buffer.from(text)
      return [varint((fieldNumber << 3) | lengthDelimited), varint(bytes.length), bytes]
    }),
  )
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return Uint8Array.from([...bytes, rest])
}
