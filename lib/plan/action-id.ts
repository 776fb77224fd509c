// lib/plan: readable, deterministic ids. An action's id names its execution, so it must fit [A-Za-z0-9_-]{1,80} and be unique across streams.
// in: what is done, to which shards, when · out: ids
import type { Group } from '../model/lease.ts';

const SHARD_CHARACTERS = 12;
const GROUP_CHARACTERS = 14;

const plain = (text: string, characters: number): string => text.replace(/[^A-Za-z0-9_-]/g, '_').slice(-characters);
/** `shardId-000000000012` → `12`; other ids keep their last characters. */
const tail = (shardId: string): string => plain(shardId.replace(/^shardId-0*(?=\d)/, ''), SHARD_CHARACTERS);
const groupText = (group: Group): string =>
  `${plain(group.application, GROUP_CHARACTERS)}-${plain(group.streamName, GROUP_CHARACTERS)}`;

/** The id of one action: the same plan of the same world has the same ids. */
export const actionIdOf = (verb: string, shardIds: readonly string[], group: Group, nowMs: number): string =>
  [verb, ...shardIds.map(tail), groupText(group), nowMs.toString(36)].join('-');

/** The id of the plan of one tick. */
export const planIdOf = (group: Group, nowMs: number): string => `plan-${groupText(group)}-${nowMs.toString(36)}`;
