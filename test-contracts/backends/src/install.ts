import { printProgress } from "./cache.ts"
import { installFortanixClient } from "./fortanix-client/install.ts"
import { installGoHost } from "./go-host/install.ts"
import { installKryoptic } from "./kryoptic/install.ts"
import { installKubernetes } from "./kubernetes/install.ts"
import { installMoto } from "./moto/install.ts"
import { installOpenBao } from "./openbao/install.ts"
import { installPostgres } from "./postgres/install.ts"
import { installSoftHsm } from "./softhsm/install.ts"
import { BackendUnavailable } from "./unavailable.ts"

// Installs every backend before the tests need it. It reports a backend that is not available, and the tests skip what
// needs it; with CI=true it ends with exit code 1.
const backends: Readonly<Record<string, () => Promise<unknown>>> = {
  OpenBao: installOpenBao,
  PostgreSQL: installPostgres,
  "upstream Go host": installGoHost,
  Kubernetes: installKubernetes,
  moto: installMoto,
  "Fortanix's client": installFortanixClient,
  SoftHSM: installSoftHsm,
  kryoptic: installKryoptic,
}

for (const [name, install] of Object.entries(backends)) {
  try {
    await install()
    printProgress(`${name} is ready`)
  } catch (error) {
    if (!(error instanceof BackendUnavailable)) throw error
    printProgress(`${name} is not available: ${error.message}`)
    if (process.env.CI === "true") process.exitCode = 1
  }
}
