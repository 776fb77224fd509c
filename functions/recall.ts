// functions: stretches of the past that are older than minutes are kept.
// in: stretches, a range · out: the blocks that tell of them: quarters of an hour, and what was imported
import type { Occurrence } from '../lib/forecast/occurrences.ts';
import type { HistoryBlock } from '../lib/model/demand.ts';
import { type HashKeyRange, rangeText } from '../lib/model/hash-key-range.ts';
import type { Ports } from '../lib/ports.ts';

const keyOf = ({ startMs, stepSec, hashKeyRange }: HistoryBlock): string =>
  `${startMs} ${stepSec ?? ''} ${rangeText(hashKeyRange)}`;

/** The blocks of both tiers in each stretch: each once, and none of those that were `read` already. */
export const recall = async (
  stretches: readonly Occurrence[],
  read: readonly HistoryBlock[],
  within: HashKeyRange,
  streamName: string,
  { history }: Pick<Ports, 'history'>,
  signal: AbortSignal,
): Promise<HistoryBlock[]> => {
  if (stretches.length === 0) return [];
  const found = await Promise.all(
    stretches.flatMap(({ fromMs, untilMs }) => [
      history.readCoarse(streamName, fromMs, untilMs, signal, within),
      history.read(streamName, fromMs, untilMs, signal, within),
    ]),
  );
  const known = new Set(read.map(keyOf));
  const blocks = new Map(found.flat().map((block) => [keyOf(block), block]));
  return [...blocks].filter(([key]) => !known.has(key)).map(([, block]) => block);
};
