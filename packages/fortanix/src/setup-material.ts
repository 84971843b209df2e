import type { SetupDocument } from "@apeiro-cmk/plugin-interface"
import type { SetupConfiguration } from "./config.ts"
import { keyOperations } from "./keys/key-life-cycle.ts"

/** Permissions that the app needs in the group. */
const permissions = ["ENCRYPT", "DECRYPT"] as const

/** Writes the documents that prepare group, app and key in DSM for a configuration. Pure. */
export function setupMaterial(configuration: SetupConfiguration): readonly SetupDocument[] {
  return [
    {
      title: "Group, app and key, as request bodies of DSM's REST API",
      fileName: "fortanix-dsm-setup.json",
      language: "json",
      text: `${JSON.stringify(bodies(configuration), undefined, 2)}\n`,
    },
    {
      title: "Steps for the administrator of DSM",
      fileName: "fortanix-dsm-setup.txt",
      language: "text",
      text: steps(configuration),
    },
  ]
}

function bodies({ group_id: group, key_name: name, auth_method: method, wrap_mode: mode }: SetupConfiguration) {
  const authentication = { api_key: "Secret", client_certificate: "Certificate", signed_jwt: "SignedJwt" }[method]
  return {
    group: { name: group, cryptographic_policy: { aes: { key_sizes: [256], cipher_modes: [mode] } } },
    app: { name: "openkcm-crypto-service", authentication, groups: { [group]: permissions } },
    key: {
      ...{ name, obj_type: "AES", key_size: 256, key_ops: keyOperations },
      ...{ aes: { cipher_mode: mode, ...(mode === "GCM" ? { tag_length: 128 } : {}) } },
    },
  }
}

function steps(configuration: SetupConfiguration): string {
  const { dsm_endpoint: endpoint, group_id: group, key_name: name, app_uuid: app, auth_method: method } = configuration
  const credential = {
    api_key: "its API key (View API key details), stored with the keystore as api_key",
    client_certificate: "the certificate that the platform presents (client_certificate)",
    signed_jwt:
      "issuer and public keys of the tokens, whose subject is the app's id; stored with the keystore as jwt or jwt_path",
  }[method]
  return `# Preparing Fortanix DSM at ${endpoint} for this keystore

1. Group: create or choose the group ${group}. Its quorum policy may cover changes to keys, but not their use.
2. App: give the app ${app} the permissions ${permissions.join(" and ")} in this group, and in no other group.
   Add MANAGE if the platform is to rotate, disable or delete the key. Credential: ${credential}.
3. Key: create a 256-bit AES key in the group, named ${name}, with the operations ${keyOperations.join(", ")}.
4. Audit: let the app read the group's log, so that the connection test can find its own operation there.

# Differences from the product's sample

- EXPORT_KEY is left out, and the platform refuses a key or an app that has it: anybody with the app's credential could
  take the key out of DSM (REQ-009).
- DERIVE_KEY is left out: tenant keys are random, and this key wraps them; none is derived from it.
- Network: the platform connects to ${endpoint} over HTTPS; DSM never connects to the platform.
`
}
