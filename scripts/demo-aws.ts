/**
 * Story 1 from end to end on this machine: a host with the plugin for AWS KMS, a tenant's key, and a payload that is
 * wrapped and unwrapped by it, through web identity and no static credential. AWS is the emulator of this repository; the
 * token is a service account's of a real Kubernetes API server, or with --own-issuer of an issuer of ours.
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import { text as textOf } from "node:stream/consumers"
import { parseArgs } from "node:util"
import {
  type AwsEmulator,
  createTokenIssuer,
  freePorts,
  type IdentityProvider,
  startAwsEmulator,
  startKubernetes,
} from "../test-contracts/backends/src/index.ts"

const usage = `npm run demo-aws -- [--own-issuer]

  --own-issuer  a token of an issuer of ours, where no Kubernetes API server can be built (Go, some minutes, once)`

const account = "123456789012"
const region = "us-east-1"
const platformRole = `arn:aws:iam::${account}:role/apeiro-cmk`
const subject = "system:serviceaccount:openkcm:cmk"
const audience = "sts.amazonaws.com"
const keyId = "12345678-1234-1234-1234-123456789012"
const cli = resolve("apps/cli/src/main.ts")
const hostExecutable = resolve("apps/host/src/main.ts")

/** The document of story 1, verbatim. */
const story = {
  plugin_type: "aws_kms",
  plugin_name: "primary_aws_kms",
  configuration: {
    region,
    kms_key_id: `arn:aws:kms:${region}:${account}:key/${keyId}`,
    role_arn: `arn:aws:iam::${account}:role/OpenKCM-KMS-Access`,
    external_id: "openkcm-external-id-12345",
  },
}

const { values } = parseArgs({
  options: { "own-issuer": { type: "boolean", default: false }, help: { type: "boolean", default: false } },
})

if (values.help) print(usage)
else await demo(values["own-issuer"])

async function demo(ownIssuer: boolean): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "demo-aws-"))
  const issuer = await (ownIssuer ? tokenOfOurs() : tokenOfKubernetes())
  const aws = await startAwsEmulator({ account, providers: [issuer.provider] })
  try {
    prepareAccount(aws, issuer.provider.issuer)
    await writeFile(join(folder, "token"), issuer.token, { mode: 0o600 })
    await writeFile(join(folder, "keystore.json"), `${JSON.stringify(story, null, 2)}\n`)
    const port = await writeProfile(folder, aws.address)
    const host = await startHost(folder)
    try {
      await showStory(folder, `http://127.0.0.1:${port}`, aws)
    } finally {
      host.kill("SIGTERM")
      await once(host, "exit")
    }
    showExchange(aws)
    showCredentials(folder, [issuer.token, ...aws.iam.secrets()])
  } finally {
    await aws.stop()
    await issuer.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Issuer {
  readonly provider: IdentityProvider
  readonly token: string
  stop(): Promise<void>
}

async function tokenOfOurs(): Promise<Issuer> {
  const issuer = createTokenIssuer()
  return { provider: issuer.provider, token: issuer.issue({ subject }), stop: async () => undefined }
}

async function tokenOfKubernetes(): Promise<Issuer> {
  print("Starting a Kubernetes API server; it is built the first time, which takes some minutes.")
  const server = await startKubernetes()
  await server.createServiceAccount("openkcm", "cmk")
  const { body } = await server.send({ method: "GET", path: "/openid/v1/jwks" })
  const { keys } = (typeof body === "string" ? JSON.parse(body) : body) as Pick<IdentityProvider, "keys">
  const provider = { issuer: "https://kubernetes.default.svc", keys, audiences: [audience] }
  const token = await server.serviceAccountToken("openkcm", "cmk", audience)
  return { provider, token, stop: () => server.stop() }
}

/** The operator's preparations in the platform's account, and the customer's key. */
function prepareAccount(aws: AwsEmulator, issuer: string): void {
  const name = issuer.replace("https://", "")
  const federation = `arn:aws:iam::${account}:oidc-provider/${name}`
  const condition = { StringEquals: { [`${name}:sub`]: subject, [`${name}:aud`]: audience } }
  const byToken = { Effect: "Allow", Principal: { Federated: federation }, Action: "sts:AssumeRoleWithWebIdentity" }
  aws.iam.putRole(platformRole, policy({ ...byToken, Condition: condition }))
  aws.iam.putRolePolicy(platformRole, policy({ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" }))
  aws.createKey(region, { id: keyId })
}

async function writeProfile(folder: string, address: string): Promise<number> {
  const [api = 0, operations = 0] = await freePorts(2)
  await symlink(resolve("profiles/node_modules"), join(folder, "node_modules"))
  const profile = {
    mode: "production",
    dataDirectory: "data",
    listeners: { api: { port: api }, operations: { port: operations } },
    plugins: [
      {
        ...{ name: "aws-irsa", type: "keystore", package: "@apeiro-cmk/aws-irsa" },
        configuration: {
          ...{ allowedEndpoints: [address], allowedAddresses: ["127.0.0.0/8"] },
          webIdentity: { tokenFile: "token", roleArn: platformRole, region },
          endpoints: { kms: address, sts: address },
        },
      },
    ],
  }
  await writeFile(join(folder, "profile.yaml"), JSON.stringify(profile))
  return api
}

async function startHost(folder: string) {
  const host = spawn(process.execPath, [hostExecutable, "--profile", join(folder, "profile.yaml")], {
    stdio: ["ignore", "pipe", "pipe"],
  })
  const errors = textOf(host.stderr)
  const lines = createInterface({ input: host.stdout })
  const { promise, resolve: serving, reject } = Promise.withResolvers<void>()
  lines.on("line", (line) => (line.includes("the host serves") ? serving() : undefined))
  host.once("exit", () => void errors.then((text) => reject(new Error(`the host ended: ${text}`))))
  await promise
  return host
}

async function showStory(folder: string, url: string, aws: AwsEmulator): Promise<void> {
  const file = join(folder, "keystore.json")
  const environment = { APEIRO_CMK_URL: url, APEIRO_CMK_HEADER_FILE: join(folder, "data/administrator.header") }
  const run = (...args: readonly string[]) => show(args, environment, folder)
  await run("tenant", "create", "acme")
  await run("keystore", "setup-material", "acme", "--file", file, "--output", join(folder, "aws"))
  const written = (name: string) => readFile(join(folder, "aws", name), "utf8")
  aws.iam.putRole(story.configuration.role_arn, await written("openkcm-trust-policy.json"))
  aws.iam.putRolePolicy(story.configuration.role_arn, await written("openkcm-kms-policy.json"))
  await run("keystore", "add", "acme", file)
  await run("keystore", "test", "acme", story.plugin_name)
  await run("keystore", "activate", "acme", story.plugin_name)
  await run("tenant", "verify", "acme")
}

/** Runs a command, and prints it as a user writes it, its output and its duration. */
async function show(args: readonly string[], environment: NodeJS.ProcessEnv, folder: string): Promise<void> {
  const startedMs = performance.now()
  // Asynchronously, because the emulator runs in this process.
  const child = spawn(process.execPath, [cli, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  })
  const [stdout, stderr, [status]] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    once(child, "exit"),
  ])
  const tookMs = Math.round(performance.now() - startedMs)
  const shown = [`$ apeiro-cmk ${args.join(" ")}`, `${stdout}${stderr}`.trim(), `(${tookMs} ms)`].join("\n")
  print(`\n${shown.replaceAll(`${folder}/`, "")}`)
  if (status !== 0) throw new Error(`apeiro-cmk ended with ${status}`)
}

function showExchange(aws: AwsEmulator): void {
  print("\nWhat AWS was asked, by the emulator's log:")
  for (const { service, action, role, sessionName, outcome } of aws.log) {
    print(`  ${[service, action.padEnd(26), outcome.padEnd(26), role, sessionName].join("  ")}`)
  }
}

function showCredentials(folder: string, secrets: readonly string[]): void {
  const needles = [...secrets, "AKIA", "ASIA"].join("\n")
  const found = spawnSync("grep", ["-raFl", "-f", "-", join(folder, "data")], { input: needles }).stdout.toString()
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].filter(
    (name) => name in process.env,
  )
  print(`\nStatic credentials in the environment: ${names.join(", ") || "none"}.`)
  print(`Files of the host with a key id, a session's secret or the token: ${found.trim() || "none"}.`)
  if (found !== "" || names.length > 0) process.exitCode = 1
}

function policy(statement: object): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] })
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
