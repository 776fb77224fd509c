// lib/model: the nouns. What the incremental model has learnt of one series, so that the next run goes on from there.
import { z } from 'zod';
import { DemandMetric } from './demand.ts';
import { HashKeyRange } from './hash-key-range.ts';

/** A frozen model of one series. `body` is lib/forecast's own form; it says itself whether it can be read. */
export const ModelState = z.object({
  streamName: z.string(),
  scope: z.enum(['stream', 'shard']),
  hashKeyRange: HashKeyRange,
  metric: DemandMetric,
  /** The end of the last minute that was learnt. */
  learntUntilMs: z.number(),
  /** When the whole history was last learnt, and when the model was last chosen. */
  learntAnewAtMs: z.number(),
  chosenAtMs: z.number(),
  /** The last minutes as they were learnt (null: unknown), newest last: where history now says otherwise, the state does not fit any more. */
  recent: z.array(z.number().min(0).nullable()),
  /** What else the learning depended on; another text asks for learning anew. */
  basis: z.string(),
  body: z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes'),
});
export type ModelState = z.output<typeof ModelState>;
