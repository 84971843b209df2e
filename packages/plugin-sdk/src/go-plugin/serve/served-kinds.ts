import type { KeystorePluginV1, Plugin, PluginKind } from "@apeiro-cmk/plugin-interface"
import type { AddServices, ServeContext, ServedKind } from "./served-kind.ts"

/** The type under which a keystore plugin is asked to make keystores. */
const providerType = "KeystoreProvider"

const nothingOpen = async () => undefined

async function loadKeystores(type: string): Promise<AddServices<KeystorePluginV1>> {
  if (type === providerType) {
    const { addUpstreamKeystoreProvider } = await import("../keystore-provider/upstream-keystore-provider.ts")
    return (context) => ({ serviceName: addUpstreamKeystoreProvider(context), close: nothingOpen })
  }
  const { addUpstreamKeystores } = await import("../keystore/upstream-keystores.ts")
  const { addKeystoreService } = await import("../keystore/keystore-service.ts")
  return (context) => {
    const upstream = addUpstreamKeystores(context)
    const closeOwn = addKeystoreService(context)
    return { ...upstream, close: async () => void (await Promise.all([upstream.close(), closeOwn()])) }
  }
}

/** Upstream's service of a kind without state, and ours. */
function both<Plugin>(
  addUpstream: (context: ServeContext<Plugin>) => string,
  addOwn: (context: ServeContext<Plugin>) => void,
): AddServices<Plugin> {
  return (context) => {
    addOwn(context)
    return { serviceName: addUpstream(context), close: nothingOpen }
  }
}

/** The five kinds, and the spellings of upstream's six types. */
export const servedKinds: { readonly [Kind in PluginKind]: ServedKind<Plugin<Kind>> } = {
  keystore: {
    types: ["KeystoreInstanceKeyOperation", providerType],
    hostMembers: ["supportedregions"],
    loadServices: loadKeystores,
  },
  identity: {
    types: ["IdentityManagementService", "IdentityManagement"],
    async loadServices() {
      const { addUpstreamIdentity } = await import("../identity/upstream-identity.ts")
      const { addIdentityService } = await import("../identity/identity-service.ts")
      return both(addUpstreamIdentity, addIdentityService)
    },
  },
  "certificate-issuer": {
    types: ["CertificateIssuerService", "CertificateIssuer"],
    async loadServices() {
      const { addUpstreamCertificateIssuer } = await import("../certificate-issuer/upstream-certificate-issuer.ts")
      const { addCertificateIssuerService } = await import("../certificate-issuer/certificate-issuer-service.ts")
      return both(addUpstreamCertificateIssuer, addCertificateIssuerService)
    },
  },
  "system-information": {
    types: ["SystemInformationService", "SystemInformation"],
    async loadServices() {
      const { addUpstreamSystemInformation } = await import("../system-information/upstream-system-information.ts")
      const { addSystemInformationService } = await import("../system-information/system-information-service.ts")
      return both(addUpstreamSystemInformation, addSystemInformationService)
    },
  },
  notification: {
    types: ["NotificationService", "Notification"],
    async loadServices() {
      const { addUpstreamNotification } = await import("../notification/upstream-notification.ts")
      const { addNotificationService } = await import("../notification/notification-service.ts")
      return both(addUpstreamNotification, addNotificationService)
    },
  },
}
