// lib/adapters/aws: what models have learnt, in the control table: pk `states#stream`, sk `series#part`, kept for three days. A state larger than an item
// may be lies in several parts; parts of different puts are no state.
// in: ModelStateStore calls · out: batches
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ModelState } from '../../model/model-state.ts';
import type { Clock, ModelStateStore } from '../../ports.ts';
import { seriesKey } from '../series-key.ts';
import { pack, unpack } from './packed.ts';
import { DAY_MS, expiresAt, type Item, table } from './table.ts';

/** Source: an item of DynamoDB has at most 400 KB, keys and names included. */
const PART_BYTES = 380_000;
/** Everything but the learnt bytes themselves. */
const Head = ModelState.omit({ body: true });

const keysOf = (of: Parameters<ModelStateStore['get']>[0][number], part: number): { pk: string; sk: string } => ({
  pk: `states#${of.streamName}`,
  sk: `${seriesKey(of)}#${part}`,
});

/** A state as its items: the first says how many there are. */
export const stateToItems = (state: ModelState, savedAtMs: number): Item[] => {
  const bytes = deflateRawSync(state.body);
  const parts = Math.max(1, Math.ceil(bytes.length / PART_BYTES));
  const until = expiresAt(savedAtMs, 3 * DAY_MS);
  return Array.from({ length: parts }, (_, part) => ({
    ...keysOf(state, part),
    savedAtMs,
    parts,
    ...(part === 0 && { head: pack(Head, state) }),
    body: new Uint8Array(bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES)),
    expiresAt: until,
  }));
};

/** The states of a table. */
export const dynamodbModelStates = (client: DynamoDBClient, clock: Clock, tableName: string): ModelStateStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');
  const stateOf = (first: Item, others: readonly Item[]): ModelState | null => {
    const rest = others.filter(({ savedAtMs }) => savedAtMs === first.savedAtMs);
    if (rest.length !== (first.parts as number) - 1) return null;
    const bodies = [first, ...rest.sort((a, b) => ((a.sk as string) < (b.sk as string) ? -1 : 1))].map(
      ({ body }) => body as Uint8Array,
    );
    const body = new Uint8Array(inflateRawSync(Buffer.concat(bodies)));
    return { ...unpack(Head, first.head as Uint8Array, `state ${first.pk} ${first.sk}`), body };
  };
  return {
    put: (states, signal) =>
      control.putAll(
        states.flatMap((state) => stateToItems(state, clock.nowMs())),
        ({ pk, sk }) => `${pk} ${sk}`,
        signal,
      ),
    get: async (series, signal) => {
      const firsts = await control.getAll(
        series.map((each) => keysOf(each, 0)),
        signal,
      );
      const further = firsts.flatMap(({ pk, sk, parts }) =>
        Array.from({ length: (parts as number) - 1 }, (_, i) => ({ pk, sk: `${(sk as string).slice(0, -1)}${i + 1}` })),
      );
      const others = Map.groupBy(await control.getAll(further, signal), ({ pk, sk }) => `${pk} ${(sk as string).slice(0, -1)}`);
      return firsts.flatMap(
        (first) => stateOf(first, others.get(`${first.pk} ${(first.sk as string).slice(0, -1)}`) ?? []) ?? [],
      );
    },
  };
};
