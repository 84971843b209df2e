import { installFortanixClient } from "./fortanix-client/install.ts"
import { installGoHost } from "./go-host/install.ts"
import { installKryoptic } from "./kryoptic/install.ts"
import { installKubernetes } from "./kubernetes/install.ts"
import { installMoto } from "./moto/install.ts"
import { installOpenBao } from "./openbao/install.ts"
import { requireTokenBinding } from "./pkcs11/token-admin.ts"
import { installPostgres } from "./postgres/install.ts"
import { installSoftHsm } from "./softhsm/install.ts"
import { BackendUnavailable } from "./unavailable.ts"

/**
 * Tells whether the real OpenBao is available on this machine, and installs it first where it is missing.
 *
 * For the head of a test file: `const openBao = await openBaoAvailable()`, then `describe.skipIf(!openBao)(...)`. When the
 * answer is no, it prints the reason, and the runner counts the skipped tests.
 * @throws {BackendUnavailable} it is not available, and the environment says `CI=true`
 */
export async function openBaoAvailable(): Promise<boolean> {
  return isAvailable("OpenBao", installOpenBao)
}

/**
 * Tells whether a real PostgreSQL is available on this machine, and installs it first where it is missing, like
 * {@link openBaoAvailable}.
 * @throws {BackendUnavailable} it is not available, and the environment says `CI=true`
 */
export async function postgresAvailable(): Promise<boolean> {
  return isAvailable("PostgreSQL", installPostgres)
}

/** Tells the same for the real Kubernetes API server, which is built the first time; that takes some minutes. */
export async function kubernetesAvailable(): Promise<boolean> {
  return isAvailable("Kubernetes", installKubernetes)
}

/** Tells the same for the host that loads plugins with upstream's own Go code, which is built the first time. */
export async function goHostAvailable(): Promise<boolean> {
  return isAvailable("the upstream Go host", installGoHost)
}

/** Tells the same for moto, a third-party emulator of AWS, and for botocore, an AWS client. */
export async function motoAvailable(): Promise<boolean> {
  return isAvailable("moto", installMoto)
}

/** Tells the same for `sdkms`, Fortanix's own DSM client. */
export async function fortanixClientAvailable(): Promise<boolean> {
  return isAvailable("Fortanix's client", installFortanixClient)
}

/** Tells the same for SoftHSM, a PKCS#11 token in software. */
export async function softHsmAvailable(): Promise<boolean> {
  return isAvailable("SoftHSM", async () => {
    await requireTokenBinding()
    await installSoftHsm()
  })
}

/** Tells the same for kryoptic, another PKCS#11 token in software, which is built the first time. */
export async function kryopticAvailable(): Promise<boolean> {
  return isAvailable("kryoptic", async () => {
    await requireTokenBinding()
    await installKryoptic()
  })
}

async function isAvailable(name: string, install: () => Promise<unknown>): Promise<boolean> {
  if (process.env.APEIRO_CMK_TESTS_WITHOUT_SERVERS === "1") return false // `npm run test:quick`
  try {
    await install()
    return true
  } catch (error) {
    if (!(error instanceof BackendUnavailable) || process.env.CI === "true") throw error
    process.stderr.write(`SKIPPED: tests that need ${name}: ${error.message}\n`)
    return false
  }
}
