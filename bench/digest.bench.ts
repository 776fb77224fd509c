// bench digest: what the continuous proof costs: the digest chain of owner and shadow, and the shadow's buffer around it.
// in: --quick · out: {gbPerSecPerCore usPerRecord recordBytes} of the chain with 1 KB records, a shadow's microseconds a record, other sizes
import type { StreamRecord } from '../lib/model/shard.ts';
import { DigestChain, type Hash64 } from '../lib/shadow/digest-chain.ts';
import { ShadowBuffer } from '../lib/shadow/shadow-buffer.ts';
import { loadHash64 } from '../lib/shadow/xxhash.ts';
import { printReport } from './report.ts';

const RECORD_BYTES = 1024;
/** More than the caches hold, so that each record comes from memory, as one that was just read does. */
const WORKING_SET_BYTES = 64 * 1024 * 1024;
/** Records between two marks of the owner. */
const MARK_EVERY = 1000;
const FIRST = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n;

const recordsOf = (bytes: number): StreamRecord[] =>
  Array.from({ length: Math.ceil(WORKING_SET_BYTES / bytes) }, (_, i) => ({
    sequenceNumber: (FIRST + BigInt(i)).toString(),
    partitionKey: `customer-${i % 1000}`,
    data: Buffer.alloc(bytes, i),
    arrivedAtMs: 1_800_000_000_000,
  }));

const digested = (hash: Hash64, records: readonly StreamRecord[]): string => {
  const chain = new DigestChain('TRIM_HORIZON', hash);
  for (const record of records) chain.add(record);
  return chain.mark().digest;
};

const shadowed = (hash: Hash64, records: readonly StreamRecord[]): string => {
  const buffer = new ShadowBuffer('TRIM_HORIZON', hash, { maxBytes: WORKING_SET_BYTES });
  for (const [i, record] of records.entries()) {
    buffer.add(record);
    if (i % MARK_EVERY === MARK_EVERY - 1) buffer.trimThrough(record.sequenceNumber);
  }
  return buffer.tip.digest;
};

/** The median of several runs in microseconds of CPU a record: the machine is noisy, and other processes' time does not count. */
const usPerRecord = (runs: number, records: readonly StreamRecord[], run: () => string): number => {
  const took: number[] = [];
  const expected = run();
  for (let i = 0; i < runs; i += 1) {
    const before = process.cpuUsage();
    if (run() !== expected) throw new Error('the same records gave another digest');
    const { user, system } = process.cpuUsage(before);
    took.push((user + system) / records.length);
  }
  return took.sort((a, b) => a - b)[took.length >> 1] ?? Number.NaN;
};

/** Runs the bench. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const hash = await loadHash64();
  const runs = options.includes('--quick') ? 5 : 21;
  const results = [100, RECORD_BYTES, 10 * 1024, 1024 * 1024].map((recordBytes) => {
    const records = recordsOf(recordBytes);
    const us = usPerRecord(runs, records, () => digested(hash, records));
    const shadowUs = usPerRecord(runs, records, () => shadowed(hash, records));
    const result = {
      gbPerSecPerCore: Number((recordBytes / us / 1000).toFixed(2)),
      usPerRecord: Number(us.toFixed(3)),
      shadowUsPerRecord: Number(shadowUs.toFixed(3)),
      recordBytes,
    };
    console.error(result);
    return result;
  });
  printReport('digest', { ...results.find((result) => result.recordBytes === RECORD_BYTES), results });
  return 0;
};
