// test: two workers of which the shadow's one reads something else than there is, and questions to the control plane about them.
// in: what is spoilt · out: the scene, with the moment of it at hand
import { Logger } from '@aws-lambda-powertools/logger';
import type { z } from 'zod';
import { monitorShadow } from '../../functions/shadow-monitor.ts';
import type { Scene } from '../../functions/shell.ts';
import type { MonitorResponse } from '../../lib/model/api.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { group, numberOf, type Options, seenThrough, twoWorkers } from './two-workers.ts';

export type Change = (records: readonly StreamRecord[], from: number) => readonly StreamRecord[];
const isAt = (record: StreamRecord, n: number) => numberOf(record) === n;
/** What may go wrong between the stream and a shadow, from the record of that number on. */
export const spoilt: Record<string, Change> = {
  'one byte flipped': (records, from) =>
    records.map((record) =>
      isAt(record, from) ? { ...record, data: record.data.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) } : record,
    ),
  'a byte of its partition key flipped': (records, from) =>
    records.map((record) => (isAt(record, from) ? { ...record, partitionKey: `j${record.partitionKey.slice(1)}` } : record)),
  'one record dropped': (records, from) => records.filter((record) => !isAt(record, from)),
  'two records swapped': (records, from) => {
    const at = records.findIndex((record) => numberOf(record) >= from);
    const [first, second] = [records[at], records[at + 1]];
    return first === undefined || second === undefined
      ? records
      : [...records.slice(0, at), second, first, ...records.slice(at + 2)];
  },
  'the data of two records swapped': (records, from) => {
    const at = records.findIndex((record) => numberOf(record) >= from);
    const [first, second] = [records[at], records[at + 1]];
    if (first === undefined || second === undefined) return records;
    return [...records.slice(0, at), { ...first, data: second.data }, { ...second, data: first.data }, ...records.slice(at + 2)];
  },
};

/** Two workers, of which `b` reads what `how` makes of the stream after `spoilNext`, so many times. */
export const spoiltScene = async (
  how: Change = (records) => records,
  { settings = {}, times = 1 }: { settings?: Options['settings']; times?: number } = {},
) => {
  let from = Number.POSITIVE_INFINITY;
  let left = times;
  let isSpoilt = false;
  const spoil = (records: readonly StreamRecord[]) => {
    if (left === 0) return records;
    const changed = how(records, from);
    if (changed.length < records.length || changed.some((record, i) => record !== records[i])) {
      left -= 1;
      isSpoilt = true;
    }
    return changed;
  };
  const it = await twoWorkers({
    settings,
    readerOf: (workerId, reader) =>
      workerId === 'b' ? seenThrough(reader, (batch) => ({ ...batch, records: spoil(batch.records) })) : reader,
  });
  await it.run(1000);
  return {
    ...it,
    /** From the next record on. */
    spoilNext: () => {
      from = it.made() + 1;
    },
    isSpoilt: () => isSpoilt,
  };
};
type Scripted = Awaited<ReturnType<typeof spoiltScene>>;

/** Runs a function of the control plane while the clock goes on. */
export const asked = async <T>(it: Scripted, run: (scene: Scene) => Promise<T>, records = 2): Promise<T> => {
  const log = new Logger({ serviceName: 'test', logLevel: 'SILENT' });
  const answer = run({
    ports: it.world,
    streams: [group],
    nowMs: it.clock.nowMs(),
    signal: new AbortController().signal,
    log,
  });
  for (let i = 0; i < 50; i += 1) {
    if (records > 0) it.put(records);
    await it.clock.advance(50);
  }
  return answer;
};
/** The shadow as GET /shadow/monitor shows it now. */
export const monitor = async (it: Scripted): Promise<z.output<typeof MonitorResponse>['shadows'][number]> => {
  const nowMs = it.clock.nowMs();
  const reply = await monitorShadow.run(group, {
    ports: it.world,
    streams: [group],
    nowMs,
    signal: new AbortController().signal,
    log: new Logger({ serviceName: 'test', logLevel: 'SILENT' }),
  });
  const shadow = reply.kind === 'ok' ? reply.body.shadows[0] : undefined;
  if (shadow === undefined) throw new Error('the monitor shows no shadow');
  return shadow as z.output<typeof MonitorResponse>['shadows'][number];
};
