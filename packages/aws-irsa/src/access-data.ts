/** What upstream's cryptography layer needs to reach a key: message `proto.aws.v1.AWSKeyAccessData`. */
export interface AwsKeyAccessData {
  readonly keyArn: string
  readonly trustAnchorArn?: string
  readonly profileArn?: string
  readonly roleArn?: string
}

const fieldNumbers: { readonly [field in keyof AwsKeyAccessData]-?: number } = {
  keyArn: 10,
  trustAnchorArn: 20,
  profileArn: 30,
  roleArn: 40,
}
const lengthDelimited = 2

/** Encodes the message (protobuf: text fields in the order of their numbers; empty ones are left out). */
export function encodeAccessData(data: AwsKeyAccessData): Uint8Array {
  return Buffer.concat(
    Object.entries(fieldNumbers).flatMap(([name, number]) => {
      const text = data[name as keyof AwsKeyAccessData] ?? ""
      if (text === "") return []
      const bytes = Buffer.from(text)
      return [varint((number << 3) | lengthDelimited), varint(bytes.length), bytes]
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
