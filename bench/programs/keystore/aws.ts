import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { plugin } from "@apeiro-cmk/aws-irsa"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { type AwsEmulator, createTokenIssuer, startAwsEmulator } from "@apeiro-cmk/test-backends"
import { oneDecrypt } from "./one-decrypt.ts"

const region = "eu-central-1"
const platformRole = "arn:aws:iam::123456789012:role/platform"
const subject = "system:serviceaccount:openkcm:cmk"

/** Our AWS emulator with one key, and plugins that use it. */
export interface AwsKms {
  readonly port: number
  /** Opens the plugin on a port, and returns one decrypt as an operation. */
  decryptOf(port: number): Promise<() => Promise<unknown>>
  stop(): Promise<void>
}

/** Starts the emulator, whose platform role may use every key by the token of one service account. */
export async function startAwsKms(): Promise<AwsKms> {
  const issuer = createTokenIssuer()
  const emulator = await startAwsEmulator({ providers: [issuer.provider] })
  trustPlatform(emulator)
  const folder = await mkdtemp(join(tmpdir(), "keystore-bench-"))
  const tokenFile = join(folder, "token")
  await writeFile(tokenFile, issuer.issue({ subject, expiresInSeconds: 3600 }))
  const kms_key_id = emulator.createKey(region).arn
  const closers: (() => Promise<void>)[] = []
  return {
    port: emulator.port,
    async decryptOf(port) {
      const address = `http://127.0.0.1:${port}`
      const started = await openInProcess(plugin, {
        services: testServices(),
        pluginConfiguration: {
          allowedEndpoints: [address],
          allowedAddresses: ["127.0.0.1/32"],
          webIdentity: { tokenFile, roleArn: platformRole, region },
          endpoints: { kms: address, sts: address },
        },
      })
      closers.push(() => started.stop())
      const keystore = await started.openKeystore({ kms_key_id }, testCall())
      return oneDecrypt(keystore)
    },
    async stop() {
      for (const close of closers) await close()
      await emulator.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function trustPlatform({ iam }: AwsEmulator): void {
  const policy = (statement: object) => JSON.stringify({ Version: "2012-10-17", Statement: [statement] })
  iam.putRole(
    platformRole,
    policy({
      Effect: "Allow",
      Principal: { Federated: "arn:aws:iam::123456789012:oidc-provider/issuer.test/cluster" },
      Action: "sts:AssumeRoleWithWebIdentity",
      Condition: { StringEquals: { "issuer.test/cluster:sub": subject } },
    }),
  )
  iam.putRolePolicy(platformRole, policy({ Effect: "Allow", Action: "kms:*", Resource: "*" }))
}
