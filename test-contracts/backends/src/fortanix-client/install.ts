import { pythonPackage } from "../python-package.ts"

/** The version of `sdkms`, Fortanix's own client of DSM. */
export const fortanixClientVersion = "5.6.2919"

/**
 * Installs Fortanix's client into the user's cache unless it is there already.
 * @returns folder for `PYTHONPATH`
 * @throws {BackendUnavailable} it cannot be had on this machine
 */
export const installFortanixClient = pythonPackage({ name: "sdkms", version: fortanixClientVersion })
