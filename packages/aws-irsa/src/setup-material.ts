import type { SetupDocument } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import { parseArn } from "./arns.ts"
import { type PluginConfiguration, regionOf, type setupConfiguration } from "./config.ts"
import { externalIdOf } from "./external-id.ts"
import { permissionsPolicy, trustPolicyForCertificates, trustPolicyForRole } from "./setup/policies.ts"

type SetupConfiguration = z.output<typeof setupConfiguration>

const permissionsFile = "openkcm-kms-policy.json"
const trustFile = "openkcm-trust-policy.json"
const unknownAccount = "ACCOUNT"

/**
 * Writes the documents for the administrator of the account: the role's permissions, its trust policy, and repeatable
 * commands that apply both.
 *
 * @throws {PluginError} INVALID_REQUEST - external_id belongs to another tenant
 */
export function setupMaterial(
  configuration: SetupConfiguration,
  tenantId: string,
  { webIdentity }: PluginConfiguration,
): readonly SetupDocument[] {
  const {
    kms_key_id: keyId,
    role_arn: roleArn,
    trust_anchor_arn: trustAnchorArn,
    profile_arn: profileArn,
  } = configuration
  const region = regionOf(configuration) ?? ""
  const account = parseArn(roleArn ?? keyId)?.account || unknownAccount
  const permissions: SetupDocument = {
    title: "Permissions of the role on the key",
    fileName: permissionsFile,
    language: "json",
    text: permissionsPolicy(keyId, region, account, tenantId),
  }
  if (roleArn === undefined) return [permissions, platformRole(webIdentity?.roleArn)]
  const trust =
    trustAnchorArn === undefined
      ? trustPolicyForRole(
          webIdentity?.roleArn ?? "PLATFORM_ROLE_ARN",
          externalIdOf(tenantId, webIdentity?.roleArn ?? "", configuration.external_id),
        )
      : trustPolicyForCertificates(trustAnchorArn)
  return [
    permissions,
    { title: "Trust policy of the role", fileName: trustFile, language: "json", text: trust },
    {
      title: "Commands, which can be repeated",
      fileName: "openkcm-aws.sh",
      language: "bash",
      text: commands(roleArn, profileArn),
    },
  ]
}

function platformRole(roleArn = "the role in webIdentity.roleArn"): SetupDocument {
  return {
    title: "Without role_arn",
    fileName: "openkcm-aws.txt",
    language: "text",
    text: `The platform's own role uses the key: ${roleArn}. Attach ${permissionsFile} to it, and name it in the key policy if the key is in another account. A role in the key's own account (role_arn) is better, because its owner can withdraw it there.\n`,
  }
}

function commands(roleArn: string, profileArn: string | undefined): string {
  const name = roleArn.split("/").at(-1)
  const path = `/${roleArn
    .split("/")
    .slice(1, -1)
    .map((part) => `${part}/`)
    .join("")}`
  const profile = profileArn?.split("/").at(-1)
  return [
    "#!/bin/sh",
    "set -eu",
    `aws iam get-role --role-name '${name}' >/dev/null 2>&1 ||`,
    `  aws iam create-role --role-name '${name}' --path '${path}' --assume-role-policy-document 'file://${trustFile}'`,
    `aws iam update-assume-role-policy --role-name '${name}' --policy-document 'file://${trustFile}'`,
    `aws iam put-role-policy --role-name '${name}' --policy-name openkcm-kms --policy-document 'file://${permissionsFile}'`,
    ...(profile === undefined
      ? []
      : [`aws rolesanywhere update-profile --profile-id '${profile}' --role-arns '${roleArn}'`]),
    "",
  ].join("\n")
}
