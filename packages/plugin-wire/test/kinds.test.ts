import { pluginKindNames } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { CertificateIssuerService } from "../src/generated/plugin/certificate_issuer/v1/certificate_issuer_pb.js"
import { IdentityManagementService } from "../src/generated/plugin/identity_management/v1/identity_management_pb.js"
import { KeystoreInstanceKeyOperation } from "../src/generated/plugin/keystore/operations/v1/operations_pb.js"
import { NotificationService } from "../src/generated/plugin/notification/v1/notification_pb.js"
import { SystemInformationService } from "../src/generated/plugin/systeminformation/v1/systeminformation_pb.js"
import { wirePluginType } from "../src/index.ts"
import { wireKinds } from "../src/kinds/table.ts"

const services: Readonly<Record<string, { readonly typeName: string }>> = {
  keystore: KeystoreInstanceKeyOperation,
  identity: IdentityManagementService,
  "certificate-issuer": CertificateIssuerService,
  "system-information": SystemInformationService,
  notification: NotificationService,
}

describe("the table of kinds on the wire", () => {
  it.each(pluginKindNames)("names upstream's service of the kind, and has both sides: %s", async (kind) => {
    expect(wirePluginType(kind)).toEqual({
      type: wireKinds[kind].types[0],
      serviceName: services[kind]?.typeName,
    })
    expect(await wireKinds[kind].loadServe(wireKinds[kind].types[0])).toBeTypeOf("function")
    expect(await wireKinds[kind].loadHost()).toBeTypeOf("function")
  })
})
