import type { OpenBaoLogin, UnwrappedSecretIds } from "@apeiro-cmk/openbao-client"
import type { PluginServices, SecretHandle } from "@apeiro-cmk/plugin-interface"
import { configurationError, fileSecret, type SecretSource } from "@apeiro-cmk/plugin-sdk"
import { authMountPath, type KeystoreConfiguration } from "../config.ts"

/** Surroundings of a login, in addition to the configuration. */
export interface LoginSurroundings {
  readonly files: PluginServices["files"]
  readonly allowedEndpoints: readonly string[]
  /** Returns the fingerprint of the client certificate that new connections present. */
  readonly fingerprint: () => Promise<string>
  /** Finds the memory of unwrapped secret ids; asked for by nobody but a login that unwraps one. */
  readonly unwrapped: () => UnwrappedSecretIds
}

type PathField = "secret_id_path" | "wrapped_secret_id_path" | "jwt_path"

/** Derives the login from a configuration that has passed the rules between its fields. */
export function loginOf(configuration: KeystoreConfiguration, surroundings: LoginSurroundings): OpenBaoLogin {
  const { auth_method: method, role } = configuration
  const { files, allowedEndpoints, fingerprint, unwrapped } = surroundings
  const { vault_address, cluster_addresses = [] } = configuration
  const destination = { servers: [vault_address, ...cluster_addresses], allowedEndpoints }
  const mountPath = authMountPath(configuration)

  const sourceOf = (secret: SecretHandle | undefined, pathField?: PathField): SecretSource | undefined => {
    if (secret !== undefined) return (call) => secret.read(call.signal)
    const path = pathField === undefined ? undefined : configuration[pathField]
    if (path === undefined || pathField === undefined) return undefined
    return fileSecret(files, path, pathField, destination)
  }

  switch (method) {
    case "token":
      return { method, token: present("token", sourceOf(configuration.token)) }
    case "approle": {
      const roleId = present("role_id", configuration.role_id)
      const secretId = sourceOf(configuration.secret_id, "secret_id_path")
      if (secretId !== undefined) return { method, mountPath, roleId, secretId }
      const wrapped = sourceOf(configuration.wrapped_secret_id, "wrapped_secret_id_path")
      return { method, mountPath, roleId, wrappedSecretId: present("secret_id", wrapped), unwrapped: unwrapped() }
    }
    case "kubernetes":
    case "jwt": {
      const jwt = present("jwt_path", sourceOf(configuration.jwt, "jwt_path"))
      return { method, mountPath, role: present("role", role), jwt }
    }
    case "cert":
      return { method, mountPath, fingerprint, ...(role === undefined ? {} : { role }) }
  }
}

function present<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw configurationError([{ path: [field], message: "is missing" }])
  return value
}
