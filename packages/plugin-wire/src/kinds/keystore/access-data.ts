import { isPluginError, type JsonValue, type UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import { boundedIssues, issuesText, shownText } from "@apeiro-cmk/plugin-sdk"
import { invalidAccessData, keystoreWireError } from "../../errors/upstream-errors.ts"
import {
  KeyAlgorithm,
  type KeystoreInstanceKeyOperation,
  KeyType,
} from "../../generated/plugin/keystore/operations/v1/operations_pb.js"
import type { UnaryHandlers } from "../../wire/unary-service.ts"
import { reservedMembers } from "./upstream-hooks.ts"

type AccessDataOperation = "validateKey" | "validateKeyAccessData" | "transformCryptoAccessData" | "extractKeyRegion"

type Members = Readonly<Record<string, JsonValue>>

/** Makes the handlers of the calls that only look at data and touch no network. */
export function accessDataHandlers(
  hooks: () => UpstreamKeystoreHooksV1,
): Pick<UnaryHandlers<typeof KeystoreInstanceKeyOperation>, AccessDataOperation> {
  return {
    async validateKey({ keyType, algorithm, region }) {
      const kind = keyType === KeyType.HYOK ? "HYOK" : "BYOK"
      return verdict(() => hooks().validateKey({ keyType: kind, algorithm: KeyAlgorithm[algorithm] ?? "", region }))
    },

    async validateKeyAccessData({ management = {}, crypto = {} }) {
      const reserved = Object.keys(management).filter((name) => reservedMembers.includes(name))
      if (reserved.length > 0) throw invalidAccessData("CANNOT_PARSE_DATA", { reservedFields: reserved.join(",") })
      try {
        hooks().validateKeyAccessData(management, crypto)
        return { isValid: true }
      } catch (error) {
        throw accessDataError(error)
      }
    },

    async transformCryptoAccessData({ nativeKeyId, accessData }) {
      const crypto = membersOf(accessData)
      if (crypto === undefined) throw invalidAccessData("CANNOT_PARSE_DATA", {})
      try {
        return { transformedAccessData: Object.fromEntries(hooks().transformCryptoAccessData(nativeKeyId, crypto)) }
      } catch (error) {
        throw accessDataError(error)
      }
    },

    async extractKeyRegion({ nativeKeyId, managementAccessData = {} }) {
      try {
        return { region: hooks().extractKeyRegion(nativeKeyId, managementAccessData) }
      } catch (error) {
        throw keystoreWireError(error)
      }
    },
  }
}

function verdict(judge: () => void): { readonly isValid: boolean; readonly message?: string } {
  try {
    judge()
    return { isValid: true }
  } catch (error) {
    if (!isPluginError(error)) throw keystoreWireError(error)
    return { isValid: false, message: `${error.message} ${error.nextStep}` }
  }
}

/** Names the missing fields, as the host shows them to its users; any other fault means that the data cannot be parsed. */
function accessDataError(error: unknown) {
  if (!isPluginError(error) || error.code !== "INVALID_REQUEST") return keystoreWireError(error)
  const issues = boundedIssues(error.issues ?? [])
  const missing = issues.filter(({ message }) => message.startsWith("is missing") || message.startsWith("is needed"))
  if (missing.length > 0) {
    return invalidAccessData("MISSING_FIELDS", { missingFields: missing.map(({ path }) => path.join(".")).join(",") })
  }
  const message = issues.length === 0 ? shownText(error.message) : issuesText(issues)
  return invalidAccessData("CANNOT_PARSE_DATA", { message })
}

function membersOf(bytes: Uint8Array): Members | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
    return isMembers(parsed) ? parsed : undefined
  } catch {
    return undefined // not JSON: the caller says so, in the host's words
  }
}

/** Tells whether a JSON value is an object: `JSON.parse` makes JSON only. */
function isMembers(parsed: unknown): parsed is Members {
  return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)
}
