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

/** Longest waiting period of KMS, so that a mistaken deletion is noticed in time. */
const pendingWindowDays = 30
const rotationPollMs = 500

/** Manages the keys of one account and region. Every method throws any code of a keystore failure. */
export class KeyLifeCycle {
  readonly #kms: Kms
  /** The last creation under each name: a concurrent creation waits for it, and then finds its key. */
  readonly #creations = new Map<string, Promise<unknown>>()

  constructor(kms: Kms) {
    this.#kms = kms
  }

  /** Describes a key, found by its own id or by the id that its caller gave it. */
  async describe(keyId: string, call: CallOptions): Promise<KeyDescription> {
    try {
      return descriptionOf(keyId, await this.#metadataOf(keyId, call))
    } catch (error) {
      if (keyId.startsWith("arn:") || keyId.startsWith("alias/") || !isMissing(error)) throw error
      return descriptionOf(keyId, await this.#metadataOf(aliasOf(keyId), call))
    }
  }

  /** Creates a key, or returns the one that was created under this id before. */
  async createKey(request: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    const { keyId } = request
    const before = this.#creations.get(keyId) ?? Promise.resolve()
    const made = before.then(() => {
      if (call.signal.aborted) throw abortReason(call.signal)
      return this.#findOrCreate(request, call)
    })
    const settled = made
      .catch(() => undefined)
      .finally(() => this.#creations.get(keyId) === settled && this.#creations.delete(keyId))
    this.#creations.set(keyId, settled)
    return abortable(made, call.signal)
  }

  async enableKey(keyId: string, call: CallOptions): Promise<void> {
    await this.#kms.send(call, (client, { EnableKeyCommand }, abortSignal) =>
      client.send(new EnableKeyCommand({ KeyId: keyId }), { abortSignal }),
    )
  }

  async disableKey(keyId: string, call: CallOptions): Promise<void> {
    await this.#kms.send(call, (client, { DisableKeyCommand }, abortSignal) =>
      client.send(new DisableKeyCommand({ KeyId: keyId }), { abortSignal }),
    )
  }

  /** Rotates a key. KMS rotates in the background, so this waits for as long as the call allows. */
  async rotateKey(keyId: string, call: CallOptions): Promise<KeyDescription> {
    const before = await this.describe(keyId, call)
    await this.#kms.send(call, (client, { RotateKeyOnDemandCommand }, abortSignal) =>
      client.send(new RotateKeyOnDemandCommand({ KeyId: keyId }), { abortSignal }),
    )
    for (;;) {
      const after = await this.describe(keyId, call)
      if (after.latestVersion !== before.latestVersion || after.latestVersion === unnamedVersion) return after
      await abortable(delay(rotationPollMs), call.signal)
    }
  }

  /** Schedules the deletion of a key. Idempotent. */
  async deleteKey(keyId: string, call: CallOptions): Promise<void> {
    try {
      await this.#schedule(keyId, call)
    } catch (error) {
      if (!(isPluginError(error) && error.code === "KEY_PENDING_DELETION")) throw error
    }
  }

  async #findOrCreate({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    const known = await this.#madeBefore(keyId, call)
    if (known !== undefined) return known
    const { KeyMetadata } = await this.#kms.send(call, (client, { CreateKeyCommand }, abortSignal) => {
      const input = {
        Origin: origin === "import" ? "EXTERNAL" : "AWS_KMS",
        Description: `OpenKCM key ${keyId}`,
      } as const
      return client.send(new CreateKeyCommand(input), { abortSignal })
    })
    const made = describedByArn(KeyMetadata)
    try {
      await this.#nameKey(made.key.keyId, aliasOf(keyId), call)
      return made
    } catch (error) {
      // Without its alias nobody can find this key again, so it must not remain.
      await this.#schedule(made.key.keyId, call)
      const other = isNameTaken(error) ? await this.#madeBefore(keyId, call) : undefined
      if (other === undefined) throw error
      return other
    }
  }

  async #madeBefore(keyId: string, call: CallOptions): Promise<KeyDescription | undefined> {
    try {
      return describedByArn(await this.#metadataOf(aliasOf(keyId), call))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async #metadataOf(keyId: string, call: CallOptions): Promise<KeyMetadata | undefined> {
    const { KeyMetadata } = await this.#kms.send(call, (client, { DescribeKeyCommand }, abortSignal) =>
      client.send(new DescribeKeyCommand({ KeyId: keyId }), { abortSignal }),
    )
    return KeyMetadata
  }

  async #nameKey(keyId: string, alias: string, call: CallOptions): Promise<void> {
    await this.#kms.send(call, (client, { CreateAliasCommand }, abortSignal) =>
      client
        .send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyId }), { abortSignal })
        .catch((error: unknown) => {
          throw nameOf(error) === "AlreadyExistsException" ? nameTaken(error) : error
        }),
    )
  }

  async #schedule(keyId: string, call: CallOptions): Promise<void> {
    await this.#kms.send(call, (client, { ScheduleKeyDeletionCommand }, abortSignal) => {
      const input = { KeyId: keyId, PendingWindowInDays: pendingWindowDays }
      return client.send(new ScheduleKeyDeletionCommand(input), { abortSignal })
    })
  }
}

/** The alias under which a key is found by the id that its caller gave it (upstream: the UUID of the CMK key). */
function aliasOf(keyId: string): string {
  return `alias/${keyId}-primary`
}

/** A new key is known by its ARN. */
function describedByArn(metadata: KeyMetadata | undefined): KeyDescription {
  return descriptionOf(metadata?.Arn ?? "", metadata)
}

function isMissing(error: unknown): boolean {
  return isPluginError(error) && error.code === "KEY_NOT_FOUND"
}

const nameTakenMessage = "Another key has the alias of the new one."

function nameTaken(error: unknown) {
  const next = "Check the alias in AWS KMS, and use another id."
  return pluginError("INVALID_REQUEST", nameTakenMessage, next, { cause: scrubbedCause(error) })
}

function isNameTaken(error: unknown): boolean {
  return isPluginError(error) && error.message === nameTakenMessage
}

/** Checks the name of a key before AWS sees it. @throws {PluginError} INVALID_REQUEST */
export function checkedKeyId(keyId: string): string {
  if (keyIdForm.test(keyId)) return keyId
  throw pluginError("INVALID_REQUEST", "Not a valid AWS KMS key name.", "Use the key's ARN.")
}
