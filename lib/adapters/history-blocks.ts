// lib/adapters: what every history store asks of a block.
// in: HistoryBlock · out: its end, or why it cannot be stored
import { InvariantError } from '../errors.ts';
import { ALTERED_PAST_MS, type HistoryBlock, MAX_BLOCK_MINUTES, MINUTE_MS } from '../model/demand.ts';
import type { HashKeyRange } from '../model/hash-key-range.ts';

const minutesOf = (block: HistoryBlock): number => (block.records.length * (block.stepSec ?? 60)) / 60;

/** The end of the block's last entry. */
export const blockEndMs = (block: HistoryBlock): number => block.startMs + minutesOf(block) * MINUTE_MS;

/** Whether a block belongs to the coarse tier. */
export const isCoarse = (block: HistoryBlock): boolean => block.stepSec !== undefined;

/** Whether a block is an imported past: longer than the hour that is the longest measured one. */
export const isImported = (block: HistoryBlock): boolean => !isCoarse(block) && block.records.length > HOUR_MINUTES;
export const HOUR_MINUTES = 60;

/** Whether putting a block now alters a past that somebody may have learnt from. */
export const altersPast = (block: HistoryBlock, nowMs: number): boolean =>
  !isCoarse(block) && blockEndMs(block) <= nowMs - ALTERED_PAST_MS;

/** The moment to which a notice of now is rounded: one for each range and minute. */
export const noticedAtMs = (nowMs: number): number => Math.floor(nowMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS;

/** Whether a block tells of any key of a range. */
export const overlaps = ({ hashKeyRange }: Pick<HistoryBlock, 'hashKeyRange'>, within: HashKeyRange): boolean =>
  hashKeyRange.startingHashKey <= within.endingHashKey && hashKeyRange.endingHashKey >= within.startingHashKey;

/** A reader looks back by the longest block for those that overlap its window, so that blocks must not be longer. */
export const requireStorableBlock = (block: HistoryBlock): void => {
  const minutes = minutesOf(block);
  if (minutes < 1 || minutes > MAX_BLOCK_MINUTES)
    throw new InvariantError(`a history block has 1 to ${MAX_BLOCK_MINUTES} minutes, got ${minutes}`);
  const entries = block.records.length;
  if (block.bytes.length !== entries || block.censored.length !== entries)
    throw new InvariantError(
      `a history block has as many bytes and flags as records, got ${entries} records, ${block.bytes.length} bytes, ${block.censored.length} flags`,
    );
};
