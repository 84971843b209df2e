import { randomUUID } from "node:crypto"
import type { AppPermission, DsmApp, DsmGroup } from "./app.ts"
import type { ApprovalRequest } from "./approval-request.ts"
import { type AuditEntry, recordEntry } from "./audit-log.ts"
import { approvalNeeded, badRequest, conflict, forbidden, notFound } from "./dsm-error.ts"
import type { DsmKey } from "./key-object.ts"

/** One account of DSM: its groups, apps, keys, approvals and its log. */
export class DsmAccount {
  readonly id = randomUUID()
  readonly groups = new Map<string, DsmGroup>()
  readonly apps = new Map<string, DsmApp>()
  readonly keys = new Map<string, DsmKey>()
  readonly approvals = new Map<string, ApprovalRequest>()
  readonly log: AuditEntry[] = []
  readonly nowMs: () => number

  constructor(nowMs: () => number) {
    this.nowMs = nowMs
  }

  /** Finds a key by its id, for an app in the key's group; for any other app the key does not exist. */
  keyFor(app: DsmApp, kid: string): DsmKey {
    const key = this.keys.get(kid)
    if (key === undefined || key.state === "Deleted" || !app.groups.has(key.groupId)) {
      throw notFound("Security object does not exist")
    }
    return key
  }

  /** Finds the key that a descriptor `{kid | name | transient_key}` names. */
  describedKeyFor(app: DsmApp, { kid, name, transient_key: transient }: KeyDescriptor): DsmKey {
    const id = kid ?? transient
    if (id !== undefined) return this.keyFor(app, id)
    if (name === undefined) throw badRequest("One of kid, name and transient_key is needed")
    const found = this.named(name)
    if (found === undefined) throw notFound("Security object does not exist")
    return this.keyFor(app, found.kid)
  }

  /** Finds a key by name. Names are unique in an account; a destroyed key keeps its name, a deleted key does not. */
  named(name: string): DsmKey | undefined {
    return [...this.keys.values()].find((key) => key.name === name && key.state !== "Deleted")
  }

  requireFreeName(name: string | undefined): void {
    if (name !== undefined && this.named(name) !== undefined) throw conflict("Security object with this name exists")
  }

  /** @throws {DsmError} 403 - the app does not have this permission in the group */
  requirePermission(app: DsmApp, groupId: string, permission: AppPermission): void {
    if (app.groups.get(groupId)?.includes(permission) === true) return
    throw forbidden(`App does not have permission ${permission} in the group`)
  }

  /** @throws {DsmError} 403 - the group's quorum must approve, and `isApproved` is false */
  requireApproval(groupId: string, act: "change" | "use", isApproved: boolean): void {
    const policy = this.groups.get(groupId)?.approvals ?? "none"
    const isNeeded = policy === "for changes and each use" || (policy === "for changes" && act === "change")
    if (isNeeded && !isApproved) throw forbidden(approvalNeeded)
  }

  record(entry: Omit<AuditEntry, "atMs">): void {
    recordEntry(this.log, { ...entry, atMs: this.nowMs() })
  }
}

/** `SobjectDescriptor` of the vendor's client. */
export interface KeyDescriptor {
  readonly kid?: string | undefined
  readonly name?: string | undefined
  readonly transient_key?: string | undefined
}
