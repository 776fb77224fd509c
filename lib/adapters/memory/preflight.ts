// lib/adapters/memory: what can be checked before a start in memory: the stream.
// in: what a worker is about to do · out: findings
import type { Preflight, StreamControl } from '../../ports.ts';
import { streamMissing, streamStateFindings } from '../stream-findings.ts';

/** The checks against streams in memory; tables, permissions and clocks cannot be wrong there. */
export const memoryPreflight = (control: Pick<StreamControl, 'describe'>): Preflight => ({
  check: async ({ streamName }, signal) => {
    const stream = await control.describe(streamName, signal);
    return stream === null ? [streamMissing(streamName, 'memory')] : streamStateFindings(streamName, stream);
  },
});
