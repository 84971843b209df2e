import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openInProcess, type TestServices } from "@apeiro-cmk/plugin-sdk/testing"
import { type AwsEmulator, createTokenIssuer, startAwsEmulator, type TokenIssuer } from "@apeiro-cmk/test-backends"
import { plugin } from "../src/index.ts"

export const region = "eu-central-1"
export const account = "123456789012"
export const platformRole = `arn:aws:iam::${account}:role/apeiro/platform`
export const subject = "system:serviceaccount:openkcm:cmk"

/** All KMS actions, for tests of key management. */
export const everything = policy({ Effect: "Allow", Action: "kms:*", Resource: "*" })

/** Makes a policy document with these statements. */
export function policy(...statements: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements })
}

/** The emulator, with a platform role that this host's token may assume, and the token's file. */
export class Aws {
  readonly emulator: AwsEmulator
  readonly issuer: TokenIssuer
  readonly tokenFile: string
  readonly #folder: string
  #lastNumber = 0

  private constructor(emulator: AwsEmulator, issuer: TokenIssuer, folder: string) {
    this.emulator = emulator
    this.issuer = issuer
    this.#folder = folder
    this.tokenFile = join(folder, "token")
  }

  static async start(): Promise<Aws> {
    const issuer = createTokenIssuer()
    const emulator = await startAwsEmulator({ account, providers: [issuer.provider] })
    const aws = new Aws(emulator, issuer, await mkdtemp(join(tmpdir(), "aws-irsa-")))
    aws.trustPlatform(issuer.provider.issuer, subject)
    await aws.writeToken(issuer.issue({ subject }))
    return aws
  }

  /** Lets a service account of an issuer assume the platform's role, which may assume every other role. */
  trustPlatform(issuer: string, serviceAccount: string): void {
    const name = issuer.replace("https://", "")
    const condition = { [`${name}:sub`]: serviceAccount, [`${name}:aud`]: "sts.amazonaws.com" }
    this.emulator.iam.putRole(
      platformRole,
      policy({
        Effect: "Allow",
        Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${name}` },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: { StringEquals: condition },
      }),
    )
    this.emulator.iam.putRolePolicy(platformRole, policy({ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" }))
  }

  writeToken(token: string): Promise<void> {
    return writeFile(this.tokenFile, token)
  }

  newRoleArn(): string {
    this.#lastNumber += 1
    return `arn:aws:iam::${account}:role/openkcm-${this.#lastNumber}`
  }

  /** Creates a role that the platform may assume with an external id. */
  createRole(externalId: string, permissions = everything): string {
    const arn = this.newRoleArn()
    this.emulator.iam.putRole(
      arn,
      policy({
        Effect: "Allow",
        Principal: { AWS: platformRole },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "sts:ExternalId": externalId } },
      }),
    )
    this.emulator.iam.putRolePolicy(arn, permissions)
    return arn
  }

  /** Returns the plugin's configuration as an operator writes it. @param address - default: the emulator's */
  pluginConfiguration(address = this.emulator.address) {
    return {
      allowedEndpoints: [address],
      allowedAddresses: ["127.0.0.1/32"],
      webIdentity: { tokenFile: this.tokenFile, roleArn: platformRole, region },
      endpoints: { kms: address, sts: address, rolesanywhere: address },
    }
  }

  /** Starts the plugin in this process. */
  plugin(services: TestServices, address?: string) {
    return openInProcess(plugin, { pluginConfiguration: this.pluginConfiguration(address), services })
  }

  async stop(): Promise<void> {
    await this.emulator.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
