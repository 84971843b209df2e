import type { SetupDocument } from "@apeiro-cmk/plugin-interface"
import type { SetupConfiguration } from "./config.ts"
import { keyOperations } from "./key-life-cycle.ts"

/** What the app needs in the group. */
const permissions = ["ENCRYPT", "DECRYPT"] as const

/** Writes what prepares DSM for a configuration: group, app and key. Pure. */
export function setupMaterial(configuration: SetupConfiguration): readonly SetupDocument[] {
  return [
    {
      title: "Group, app and key, as the bodies of DSM's REST API",
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
    client_certificate: "the certificate that this keystore shows (client_certificate)",
    signed_jwt:
      "the issuer and the public keys of the tokens, whose subject is the app's id; stored as jwt or jwt_path",
  }[method]
  return `# Prepares Fortanix DSM at ${endpoint} for this keystore.

1. Group: create or choose the group ${group}. Its quorum policy may cover changes of keys; it must not cover their use.
2. App: the app ${app} gets the permissions ${permissions.join(" and ")} in this group, and no other group.
   MANAGE as well, if the platform is to rotate, disable or delete the key. Credential: ${credential}.
3. Key: an AES key of 256 bits in the group, named ${name}, with the operations ${keyOperations.join(", ")}.
4. Audit: let the app see the group's log, so that the connection test can find its own operation there.

# Where this differs from the product's sample

- EXPORT_KEY is left out, and a key or an app that has it is refused: whoever holds the app's credential could take the
  key out of DSM (REQ-009).
- DERIVE_KEY is left out: tenant keys are random and are wrapped by this key; none is derived from it.
- Network: the platform needs HTTPS to ${endpoint}, and nothing from there to the platform.
`
}
