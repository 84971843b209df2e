import { readdir, rename } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { installBuiltFile } from "../built-file.ts"
import { installDebianPackages, lastLines } from "../debian.ts"
import { runCommand } from "../run-command.ts"
import { BackendUnavailable } from "../unavailable.ts"

/** The version of kryoptic that the tests run against. */
export const kryopticVersion = "1.5.4"

/**
 * Builds kryoptic, a PKCS#11 token in Rust, into the user's cache unless it is already there: a minute or two, with cargo
 * and its registry. Cargo.lock pins every crate.
 *
 * @returns path of the PKCS#11 module
 * @throws {BackendUnavailable} it cannot be built on this machine
 */
export async function installKryoptic(): Promise<string> {
  const folder = fileURLToPath(new URL("../../kryoptic/", import.meta.url))
  return installBuiltFile({
    title: `kryoptic ${kryopticVersion}`,
    folder,
    sources: ["Cargo.toml", "Cargo.lock", "src/lib.rs"],
    cacheName: `kryoptic-${kryopticVersion}`,
    fileName: "kryoptic.so",
    build: (target, workFolder) => build(folder, target, workFolder),
  })
}

const libclangFolders = ["/usr/lib/llvm-14/lib", "/usr/lib/x86_64-linux-gnu"]
const needed = ["libclang1-14", "libssl-dev", "libsqlite3-dev", "pkg-config"]

async function build(folder: string, target: string, workFolder: string): Promise<void> {
  const includes = await runCommand("gcc", ["-print-file-name=include"])
  if (includes?.exitCode !== 0) throw new BackendUnavailable("there is no gcc")
  if (!(await hasHeaders())) await installDebianPackages("libclang, or the headers of OpenSSL and SQLite", needed)
  const libclang = await libclangFolder()
  const cargo = ["cargo", "build", "--release", "--locked", "--quiet"]
  const places = ["--manifest-path", join(folder, "Cargo.toml"), "--target-dir", workFolder]
  const outcome = await runCommand("nice", ["-n", "15", ...cargo, ...places], {
    ...(libclang === undefined ? {} : { LIBCLANG_PATH: libclang }),
    BINDGEN_EXTRA_CLANG_ARGS: `-I${includes.output.trim()}`,
  })
  if (outcome?.exitCode === 127) throw new BackendUnavailable("cargo is not installed (https://rustup.rs)")
  if (outcome?.exitCode !== 0) throw new BackendUnavailable(`cargo build failed: ${lastLines(outcome?.output)}`)
  await rename(join(workFolder, "release/libpkcs11_second_opinion.so"), target)
}

async function hasHeaders(): Promise<boolean> {
  const found = await runCommand("pkg-config", ["--exists", "openssl", "sqlite3"])
  return found?.exitCode === 0 && (await libclangFolder()) !== undefined
}

async function libclangFolder(): Promise<string | undefined> {
  for (const folder of libclangFolders) {
    const names = await readdir(folder).catch(() => [])
    if (names.some((name) => /^libclang(-\d+)?\.so/.test(name))) return folder
  }
  return undefined
}
