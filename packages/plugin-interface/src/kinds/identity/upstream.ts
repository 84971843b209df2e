import type { CallOptions } from "../../call.ts"

/** A person as the upstream host shows and mails them. Ids are unique over all tenants: the host keeps users by id alone. */
export interface DirectoryUser {
  readonly id: string
  readonly name: string
  readonly email: string
}

/** A group as the upstream host knows it. */
export interface DirectoryGroup {
  readonly id: string
  readonly name: string
}

/** Members of the signed data about the caller, where there is one; empty in the host's own tasks. */
export type DirectoryContext = Readonly<Record<string, string>>

/** Answers the upstream host's questions about users and groups. Upstream: IdentityManagementService. */
export interface UpstreamIdentityV1 {
  /** @returns `undefined` only when the directory says that there is none */
  getUser(userId: string, context: DirectoryContext, call: CallOptions): Promise<DirectoryUser | undefined>
  /** @returns `undefined` only when the directory says that there is none */
  getGroup(groupName: string, context: DirectoryContext, call: CallOptions): Promise<DirectoryGroup | undefined>
  getAllGroups(context: DirectoryContext, call: CallOptions): Promise<readonly DirectoryGroup[]>
  getUsersForGroup(groupId: string, context: DirectoryContext, call: CallOptions): Promise<readonly DirectoryUser[]>
  getGroupsForUser(userId: string, context: DirectoryContext, call: CallOptions): Promise<readonly DirectoryGroup[]>
}
