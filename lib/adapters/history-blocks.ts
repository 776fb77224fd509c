// lib/adapters: what every history store asks of a block.
// in: HistoryBlock · out: its end, or why it cannot be stored
import { InvariantError } from '../errors.ts';
import { type HistoryBlock, MAX_BLOCK_MINUTES, MINUTE_MS } from '../model/demand.ts';

/** The end of the block's last minute. */
export const blockEndMs = (block: HistoryBlock): number => block.startMs + block.records.length * MINUTE_MS;

/** A reader looks back by the longest block for those that overlap its window, so that blocks must not be longer. */
export const requireStorableBlock = (block: HistoryBlock): void => {
  const minutes = block.records.length;
  if (minutes < 1 || minutes > MAX_BLOCK_MINUTES)
    throw new InvariantError(`a history block has 1 to ${MAX_BLOCK_MINUTES} minutes, got ${minutes}`);
  if (block.bytes.length !== minutes || block.censored.length !== minutes)
    throw new InvariantError(
      `a history block has as many bytes and flags as records, got ${minutes} records, ${block.bytes.length} bytes, ${block.censored.length} flags`,
    );
};
