import * as z from "zod"
import { tenantNotFound } from "../../errors.ts"
import { keystoreId, keystoreParameters, tenantId } from "../../fields.ts"
import { created, document } from "../../pipeline/answer.ts"
import { defineList } from "../../pipeline/define-list.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { platformKeystoreAnswerOf } from "./answers.ts"
import { platformKeystoreAnswer, platformKeystoreDocument, platformKeystoreList } from "./schemas.ts"

const onePath = "/v1/platform/keystores/{tenant_id}/{keystore_id}"

/** Asks for a keystore on the platform's server. */
export const requestPlatformKeystore = defineRoute({
  method: "post",
  path: "/v1/platform/keystores",
  summary: "Make a keystore for a tenant on the platform's server",
  description:
    "The work continues after the answer: read the keystore until it is `ready` or `failed`. For one that failed, the " +
    "same request starts another attempt.",
  permission: "platform.administer",
  params: none,
  query: none,
  body: platformKeystoreDocument,
  response: { status: 202, description: "The requested keystore", schema: platformKeystoreAnswer },
  problems: ["TENANT_NOT_FOUND", "KEYSTORE_EXISTS", "PLUGIN_TYPE_UNKNOWN", "UNSUPPORTED"],
  replay: (answer) => answer,
  handler: async ({ body, call, services }) => {
    const { tenant_id: owner, ...asked } = body
    if ((await services.tenants.tenant(owner)) === undefined) throw tenantNotFound(owner)
    const record = await services.platformKeystores.request(owner, asked, call)
    return created(`/v1/platform/keystores/${owner}/${record.keystoreId}`, platformKeystoreAnswerOf(record))
  },
})

/** Lists the keystores on the platform's server. */
export const listPlatformKeystores = defineList({
  path: "/v1/platform/keystores",
  summary: "List the keystores on the platform's server",
  permission: "platform.read",
  params: none,
  description: "The keystores, by tenant and name",
  schema: platformKeystoreList,
  position: z.tuple([tenantId, keystoreId]),
  read: (page, _params, services) => services.platformKeystores.list(page),
  positionOf: (record) => [record.tenantId, record.keystoreId],
  answer: (records) => ({ keystores: records.map(platformKeystoreAnswerOf) }),
})

/** Shows the state of one. */
export const getPlatformKeystore = defineRoute({
  method: "get",
  path: onePath,
  summary: "Show the state of a keystore on the platform's server",
  permission: "platform.read",
  params: keystoreParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The keystore", schema: platformKeystoreAnswer },
  problems: ["KEYSTORE_NOT_FOUND"],
  handler: async ({ params, services }) => {
    const target = { tenantId: params.tenant_id, keystoreId: params.keystore_id }
    return document(platformKeystoreAnswerOf(await services.platformKeystores.get(target)))
  },
})

/** Asks for the removal of one. */
export const removePlatformKeystore = defineRoute({
  method: "delete",
  path: onePath,
  summary: "Remove a keystore from the platform's server, with its L1 key",
  description:
    "Only a keystore whose L1 key is proved to be unused: not claimed, without a wrap, named by no configuration of another " +
    "keystore, on a server that answers. The tenant loses it at once; the server's part is gone when this keystore " +
    "is no longer found.",
  permission: "platform.administer",
  params: keystoreParameters,
  query: none,
  body: none,
  response: { status: 202, description: "The keystore that is being removed", schema: platformKeystoreAnswer },
  problems: ["KEYSTORE_NOT_FOUND", "KEYSTORE_IN_USE"],
  handler: async ({ params, call, services }) => {
    const target = { tenantId: params.tenant_id, keystoreId: params.keystore_id }
    return document(platformKeystoreAnswerOf(await services.platformKeystores.remove(target, call)))
  },
})
