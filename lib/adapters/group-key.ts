// lib/adapters: the partition key of an application's reading of a stream.
// in: Group · out: its key
import type { Group } from '../model/lease.ts';

/** `application/streamName`: unambiguous, since a stream's name has no slash. */
export const groupKey = (group: Group): string => `${group.application}/${group.streamName}`;
