import { pythonPackage } from "../python-package.ts"

/** The version of moto, an emulator of AWS by others; botocore comes with it. */
export const motoVersion = "5.2.5"

/**
 * Installs moto's server with all that it needs into the user's cache unless it is there already.
 * @returns folder for `PYTHONPATH`
 * @throws {BackendUnavailable} it cannot be had on this machine
 */
export const installMoto = pythonPackage({ name: "moto", requirement: "moto[server]", version: motoVersion })
