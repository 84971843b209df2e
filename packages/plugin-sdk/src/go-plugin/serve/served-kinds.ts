import type { KeystorePluginV1, PluginInstances, PluginKind } from "@apeiro-cmk/plugin-interface"
import { addCertificateIssuerService } from "../certificate-issuer/certificate-issuer-service.ts"
import { addUpstreamCertificateIssuer } from "../certificate-issuer/upstream-certificate-issuer.ts"
import { addIdentityService } from "../identity/identity-service.ts"
import { addUpstreamIdentity } from "../identity/upstream-identity.ts"
import { addKeystoreService } from "../keystore/keystore-service.ts"
import { addUpstreamKeystores } from "../keystore/upstream-keystores.ts"
import { addUpstreamKeystoreProvider, supportedRegionsMember } from "../keystore-provider/upstream-keystore-provider.ts"
import { addNotificationService } from "../notification/notification-service.ts"
import { addUpstreamNotification } from "../notification/upstream-notification.ts"
import { addSystemInformationService } from "../system-information/system-information-service.ts"
import { addUpstreamSystemInformation } from "../system-information/upstream-system-information.ts"
import type { ServeContext, ServedKind, ServedServices } from "./served-kind.ts"

/** The type under which a keystore plugin is asked to make keystores. */
const providerType = "KeystoreProvider"

const nothingOpen = async () => undefined

function addKeystores(context: ServeContext<KeystorePluginV1>): ServedServices {
  if (context.type === providerType) {
    return { serviceName: addUpstreamKeystoreProvider(context), close: nothingOpen }
  }
  const upstream = addUpstreamKeystores(context)
  const closeOwn = addKeystoreService(context)
  return { ...upstream, close: async () => void (await Promise.all([upstream.close(), closeOwn()])) }
}

/** Upstream's service of a kind without state, and ours. */
function both<Plugin>(
  addUpstream: (context: ServeContext<Plugin>) => string,
  addOwn: (context: ServeContext<Plugin>) => void,
) {
  return (context: ServeContext<Plugin>): ServedServices => {
    addOwn(context)
    return { serviceName: addUpstream(context), close: nothingOpen }
  }
}

/** The five kinds, and the spellings of upstream's six types. */
export const servedKinds: { readonly [Kind in PluginKind]: ServedKind<PluginInstances[Kind]> } = {
  keystore: {
    types: ["KeystoreInstanceKeyOperation", providerType],
    hostMembers: [supportedRegionsMember],
    addServices: addKeystores,
  },
  identity: {
    types: ["IdentityManagementService", "IdentityManagement"],
    addServices: both(addUpstreamIdentity, addIdentityService),
  },
  "certificate-issuer": {
    types: ["CertificateIssuerService", "CertificateIssuer"],
    addServices: both(addUpstreamCertificateIssuer, addCertificateIssuerService),
  },
  "system-information": {
    types: ["SystemInformationService", "SystemInformation"],
    addServices: both(addUpstreamSystemInformation, addSystemInformationService),
  },
  notification: {
    types: ["NotificationService", "Notification"],
    addServices: both(addUpstreamNotification, addNotificationService),
  },
}
