import { setTimeout as delay } from "node:timers/promises"
import {
  type CallOptions,
  type CreateKeyRequest,
  isPluginError,
  type KeyDescription,
} from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, pluginError, scrubbedCause } from "@apeiro-cmk/plugin-sdk"
import type { KeyMetadata } from "@aws-sdk/client-kms"
import { keyIdForm } from "../arns.ts"
import type { Kms } from "../client.ts"
import { nameOf } from "../errors.ts"
import { descriptionOf, unnamedVersion } from "./key-facts.ts"

/** Longest waiting time that KMS offers: a deletion by mistake is found in time. */
const pendingWindowDays = 30
const rotationPollMs = 500

/** The administration of keys. */
export interface KeyLifeCycle {
  describe(keyId: string, call: CallOptions): Promise<KeyDescription>
  createKey(request: CreateKeyRequest, call: CallOptions): Promise<KeyDescription>
  enableKey(keyId: string, call: CallOptions): Promise<void>
  disableKey(keyId: string, call: CallOptions): Promise<void>
  rotateKey(keyId: string, call: CallOptions): Promise<KeyDescription>
  deleteKey(keyId: string, call: CallOptions): Promise<void>
}

/** Name under which a key is found again by the id that its caller gave it (upstream: the CMK key's UUID). */
function aliasOf(keyId: string): string {
  return `alias/${keyId}-primary`
}

/** Makes the administration of the keys of one account and region. */
export function createKeyLifeCycle(kms: Kms): KeyLifeCycle {
  /** The last creation under each name: whoever comes meanwhile waits, and finds what was made. */
  const creations = new Map<string, Promise<unknown>>()

  async function metadataOf(keyId: string, call: CallOptions): Promise<KeyMetadata | undefined> {
    const { KeyMetadata } = await kms.send(call, (client, { DescribeKeyCommand }, abortSignal) =>
      client.send(new DescribeKeyCommand({ KeyId: keyId }), { abortSignal }),
    )
    return KeyMetadata
  }

  /** A key is found by its own id, and by the id that its caller gave it. */
  async function find(keyId: string, call: CallOptions): Promise<KeyDescription> {
    try {
      return descriptionOf(keyId, await metadataOf(keyId, call))
    } catch (error) {
      if (keyId.startsWith("arn:") || keyId.startsWith("alias/") || !isMissing(error)) throw error
      return descriptionOf(keyId, await metadataOf(aliasOf(keyId), call))
    }
  }

  async function madeBefore(keyId: string, call: CallOptions): Promise<KeyDescription | undefined> {
    try {
      return describedByArn(await metadataOf(aliasOf(keyId), call))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async function create({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    const known = await madeBefore(keyId, call)
    if (known !== undefined) return known
    const { KeyMetadata } = await kms.send(call, (client, { CreateKeyCommand }, abortSignal) => {
      const input = {
        Origin: origin === "import" ? "EXTERNAL" : "AWS_KMS",
        Description: `OpenKCM key ${keyId}`,
      } as const
      return client.send(new CreateKeyCommand(input), { abortSignal })
    })
    const made = describedByArn(KeyMetadata)
    try {
      await nameKey(made.key.keyId, aliasOf(keyId), call)
      return made
    } catch (error) {
      // Without its name nobody finds this key again: it must not stay.
      await schedule(made.key.keyId, call)
      const other = isNameTaken(error) ? await madeBefore(keyId, call) : undefined
      if (other === undefined) throw error
      return other
    }
  }

  async function nameKey(keyId: string, alias: string, call: CallOptions): Promise<void> {
    await kms.send(call, (client, { CreateAliasCommand }, abortSignal) =>
      client
        .send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyId }), { abortSignal })
        .catch((error: unknown) => {
          throw nameOf(error) === "AlreadyExistsException" ? nameTaken(error) : error
        }),
    )
  }

  async function schedule(keyId: string, call: CallOptions): Promise<void> {
    await kms.send(call, (client, { ScheduleKeyDeletionCommand }, abortSignal) => {
      const input = { KeyId: keyId, PendingWindowInDays: pendingWindowDays }
      return client.send(new ScheduleKeyDeletionCommand(input), { abortSignal })
    })
  }

  return {
    describe: find,

    async createKey(request, call) {
      const { keyId } = request
      const before = creations.get(keyId) ?? Promise.resolve()
      const made = before.then(() => {
        if (call.signal.aborted) throw abortReason(call.signal)
        return create(request, call)
      })
      const settled = made
        .catch(() => undefined)
        .finally(() => creations.get(keyId) === settled && creations.delete(keyId))
      creations.set(keyId, settled)
      return abortable(made, call.signal)
    },

    async enableKey(keyId, call) {
      await kms.send(call, (client, { EnableKeyCommand }, abortSignal) =>
        client.send(new EnableKeyCommand({ KeyId: keyId }), { abortSignal }),
      )
    },

    async disableKey(keyId, call) {
      await kms.send(call, (client, { DisableKeyCommand }, abortSignal) =>
        client.send(new DisableKeyCommand({ KeyId: keyId }), { abortSignal }),
      )
    },

    /** KMS rotates in the background: waited for as long as the call may take. */
    async rotateKey(keyId, call) {
      const before = await find(keyId, call)
      await kms.send(call, (client, { RotateKeyOnDemandCommand }, abortSignal) =>
        client.send(new RotateKeyOnDemandCommand({ KeyId: keyId }), { abortSignal }),
      )
      for (;;) {
        const after = await find(keyId, call)
        if (after.latestVersion !== before.latestVersion || after.latestVersion === unnamedVersion) return after
        await abortable(delay(rotationPollMs), call.signal)
      }
    },

    async deleteKey(keyId, call) {
      try {
        await schedule(keyId, call)
      } catch (error) {
        if (!(isPluginError(error) && error.code === "KEY_PENDING_DELETION")) throw error
      }
    },
  }
}

/** A key that was made is known by its ARN from then on. */
function describedByArn(metadata: KeyMetadata | undefined): KeyDescription {
  return descriptionOf(metadata?.Arn ?? "", metadata)
}

function isMissing(error: unknown): boolean {
  return isPluginError(error) && error.code === "KEY_NOT_FOUND"
}

const nameTakenMessage = "Another key has the alias of the new one."

function nameTaken(error: unknown) {
  const next = "Look at the alias in AWS KMS, and use another id."
  return pluginError("INVALID_REQUEST", nameTakenMessage, next, { cause: scrubbedCause(error) })
}

function isNameTaken(error: unknown): boolean {
  return isPluginError(error) && error.message === nameTakenMessage
}

/** Checks the name of a key before AWS sees it. @throws {PluginError} INVALID_REQUEST */
export function checkedKeyId(keyId: string): string {
  if (keyIdForm.test(keyId)) return keyId
  throw pluginError("INVALID_REQUEST", "This is no name of a key of AWS KMS.", "Use the key's ARN.")
}
