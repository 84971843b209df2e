import { pythonPackage } from "../python-package.ts"

/** The version of moto, a third-party emulator of AWS; botocore comes with it. */
export const motoVersion = "5.2.5"

/**
 * Installs moto's server with all that it needs into the user's cache unless it is already there.
 * @returns folder for `PYTHONPATH`
 * @throws {BackendUnavailable} it is not available on this machine
 */
export const installMoto = pythonPackage({ name: "moto", requirement: "moto[server]", version: motoVersion })
