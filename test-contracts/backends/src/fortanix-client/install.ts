import { pythonPackage } from "../python-package.ts"

/** The version of `sdkms`, Fortanix's own DSM client. */
export const fortanixClientVersion = "5.6.2919"

/**
 * Installs Fortanix's client into the user's cache unless it is already there.
 * @returns folder for `PYTHONPATH`
 * @throws {BackendUnavailable} it is not available on this machine
 */
export const installFortanixClient = pythonPackage({ name: "sdkms", version: fortanixClientVersion })
