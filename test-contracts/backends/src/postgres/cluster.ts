import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { CertificateSubject, TestAuthority } from "../certificates.ts"
import { runCommand } from "../run-command.ts"

/** The user that runs the server when this process is root, because PostgreSQL refuses root: `nobody`. */
export const serverUser = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined

/** Files of a new cluster. */
export interface Cluster {
  /** Removed with the server. */
  readonly folder: string
  readonly dataFolder: string
  readonly superuserPassword: string
}

/**
 * Makes a cluster of databases with a superuser `postgres` that has a password. Its collation is ICU's English, which
 * differs from byte order, so that a query that depends on byte order fails.
 */
export async function createCluster(programs: string, superuserPassword: string): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), "postgres-"))
  const passwordFile = join(folder, "password")
  const dataFolder = join(folder, "data")
  await writeForServer(passwordFile, superuserPassword)
  if (serverUser !== undefined) await chown(folder, serverUser.uid, serverUser.gid)
  const options = [
    ...["--pgdata", dataFolder, "--username", "postgres", "--pwfile", passwordFile, "--auth", "scram-sha-256"],
    ...["--encoding", "UTF8", "--locale", "C", "--locale-provider", "icu", "--icu-locale", "en", "--no-sync"],
  ]
  const outcome = await runCommand(join(programs, "bin", "initdb"), options, {}, serverUser)
  if (outcome?.exitCode !== 0) {
    await rm(folder, { recursive: true, force: true })
    throw new Error(`initdb failed: ${outcome?.output}`)
  }
  await rm(passwordFile)
  return { folder, dataFolder, superuserPassword }
}

const ownNames: CertificateSubject = { commonName: "postgres", dnsNames: ["localhost"], addresses: ["127.0.0.1"] }

/** Writes the server's certificate. @returns the settings that use it */
export async function writeCertificate(
  folder: string,
  authority: TestAuthority,
  names: CertificateSubject | boolean = true,
): Promise<Record<string, string>> {
  const issued = await authority.issue(typeof names === "boolean" ? ownNames : names)
  const certificateFile = join(folder, "server.crt")
  const keyFile = join(folder, "server.key")
  await writeForServer(certificateFile, issued.certificate)
  await writeForServer(keyFile, issued.privateKey)
  return { ssl: "on", ssl_cert_file: certificateFile, ssl_key_file: keyFile }
}

async function writeForServer(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 })
  await chmod(file, 0o600)
  if (serverUser !== undefined) await chown(file, serverUser.uid, serverUser.gid)
}
