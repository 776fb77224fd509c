// The helper against a scripted DynamoDB: what is sent, and what each answer comes to. The contract test runs it against a real one.
import {
  DynamoDBClient,
  type GetItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { toItem } from '../../lib/adapters/aws/table.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { dynamodbEffects } from '../../lib/effects/dynamodb-effects.ts';
import { effectsProcessor } from '../../lib/effects/effects-processor.ts';
import { FencedError, InvariantError, PoisonError, TransientError } from '../../lib/errors.ts';
import { contextOf, recordsOf } from './scenes.ts';

type Answer = object | Error | (() => Promise<object>);

/** A client whose requests never leave the process: they are kept, and answered in turn. */
class ScriptedClient extends DynamoDBClient {
  readonly sent: (GetItemCommand | TransactWriteItemsCommand)[] = [];
  readonly #answers: Answer[];

  constructor(...answers: Answer[]) {
    super({ region: 'eu-west-1' });
    this.#answers = answers;
  }

  override send(command: unknown): Promise<never> {
    this.sent.push(command as GetItemCommand | TransactWriteItemsCommand);
    const answer = this.#answers.shift();
    if (answer === undefined) throw new Error(`nothing is scripted for request ${this.sent.length}`);
    const outcome: Promise<object> =
      typeof answer === 'function' ? answer() : answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    return outcome as Promise<never>;
  }

  get transactions() {
    return this.sent.filter((command) => command instanceof TransactWriteItemsCommand).map(({ input }) => input);
  }
}

const held = { owner: 'a', epoch: 4, state: 'active', checkpoint: '10' };
const lease = (attributes: object) => ({ Item: toItem(attributes) });
const cancelled = (...reasons: { Code: string; Item?: ReturnType<typeof toItem>; Message?: string }[]) =>
  new TransactionCanceledException({ message: 'cancelled', $metadata: {}, CancellationReasons: reasons });
const put = (sequenceNumber: string): TransactWriteItem => ({
  Put: { TableName: 'sink', Item: { pk: { S: sequenceNumber } } },
});
const itemsOf = (records: readonly { sequenceNumber: string }[]) => records.map((record) => put(record.sequenceNumber));
const helper = (...answers: Answer[]) => {
  const client = new ScriptedClient(...answers);
  const clock = scriptedClock(1_800_000_000_000);
  return { client, clock, effects: dynamodbEffects({ client, leaseTable: 'leases', clock }) };
};

describe('dynamodbEffects', () => {
  it('sends the items and the conditional step of the lease in one transaction', async () => {
    const { client, effects } = helper(lease(held), {});
    expect(await effects.write(contextOf(), recordsOf('11', '12/3'), itemsOf)).toEqual({ kind: 'written' });
    const [look] = client.sent;
    expect(look?.input).toMatchObject({
      TableName: 'leases',
      Key: { group: { S: 'shop/orders' }, shardId: { S: 'shardId-000000000000' } },
      ConsistentRead: true,
    });
    const [step, ...items] = client.transactions[0]?.TransactItems ?? [];
    expect(items).toEqual([put('11'), put('12')]);
    expect(step?.Update).toMatchObject({
      TableName: 'leases',
      ConditionExpression:
        'attribute_exists(#shardId) AND #owner = :v0 AND #epoch = :v1 AND #state = :v2 AND attribute_not_exists(#handover.#drained) AND attribute_not_exists(#through)',
      UpdateExpression: 'SET #through = :to, #checkpoint = :v3, #subSequenceNumber = :v4, #checkpointAtMs = :v5',
      ExpressionAttributeValues: toItem({
        ':v0': 'a',
        ':v1': 4,
        ':v2': 'active',
        ':v3': '12',
        ':v4': 3,
        ':v5': 1_800_000_000_000,
        ':to': '12/3',
      }),
    });
    expect(client.transactions[0]?.ClientRequestToken).toMatch(/^[\w-]{36}$/);
  });

  it('looks at the lease once for an epoch, and again for the next', async () => {
    const { client, effects } = helper(lease(held), {}, {}, lease({ ...held, epoch: 5, effectsThrough: '12' }), {});
    await effects.write(contextOf(), recordsOf('11'), itemsOf);
    await effects.write(contextOf(), recordsOf('12'), itemsOf);
    await effects.write(contextOf({ epoch: 5 }), recordsOf('13'), itemsOf);
    expect(client.sent.map((command) => command.constructor.name)).toEqual([
      'GetItemCommand',
      'TransactWriteItemsCommand',
      'TransactWriteItemsCommand',
      'GetItemCommand',
      'TransactWriteItemsCommand',
    ]);
    const froms = client.transactions.map(
      ({ TransactItems }) => TransactItems?.[0]?.Update?.ExpressionAttributeValues?.[':from']?.S,
    );
    expect(froms).toEqual([undefined, '11', '12']);
    expect(new Set(client.transactions.map(({ ClientRequestToken }) => ClientRequestToken)).size).toBe(3);
  });

  it('answers already-written for records that came again, and writes nothing', async () => {
    const { client, effects } = helper(lease({ ...held, effectsThrough: '12' }));
    expect(await effects.write(contextOf(), recordsOf('11', '12'), itemsOf)).toEqual({ kind: 'already-written' });
    expect(client.transactions).toEqual([]);
  });

  it('writes only what is left of records of which a part is written', async () => {
    const { client, effects } = helper(lease({ ...held, effectsThrough: '12/0' }), {});
    expect(await effects.write(contextOf(), recordsOf('11', '12/0', '12/1', '13'), itemsOf)).toEqual({ kind: 'written' });
    expect(client.transactions[0]?.TransactItems?.slice(1)).toEqual([put('12'), put('13')]);
  });

  it('answers already-written after a lost answer: the refusal shows its own step', async () => {
    const lost = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    const refused = cancelled(
      { Code: 'ConditionalCheckFailed', Item: toItem({ ...held, effectsThrough: '11' }) },
      { Code: 'None' },
    );
    const { effects } = helper(lease(held), lost, refused);
    await expect(effects.write(contextOf(), recordsOf('11'), itemsOf)).rejects.toThrow(TransientError);
    expect(await effects.write(contextOf(), recordsOf('11'), itemsOf)).toEqual({ kind: 'already-written' });
  });

  it.each([
    ['another owner and epoch', { ...held, owner: 'b', epoch: 5 }, { kind: 'fenced', epoch: 5, owner: 'b' }],
    ['the same owner after a restart', { ...held, epoch: 5 }, { kind: 'fenced', epoch: 5, owner: 'a' }],
    ['nobody', { epoch: 4, state: 'active' }, { kind: 'fenced', epoch: 4, owner: null }],
    ['an ended shard', { ...held, state: 'ended' }, { kind: 'fenced', epoch: 4, owner: 'a' }],
  ])('answers fenced for %s', async (_, attributes, answer) => {
    const early = helper(lease(attributes));
    expect(await early.effects.write(contextOf(), recordsOf('11'), itemsOf)).toEqual(answer);
    const late = helper(lease(held), cancelled({ Code: 'ConditionalCheckFailed', Item: toItem(attributes) }, { Code: 'None' }));
    expect(await late.effects.write(contextOf(), recordsOf('11'), itemsOf)).toEqual(answer);
  });

  it('answers fenced for a lease that is gone, and looks by itself where the refusal brings no item', async () => {
    const { effects } = helper(lease(held), cancelled({ Code: 'ConditionalCheckFailed' }), {});
    expect(await effects.write(contextOf(), recordsOf('11'), itemsOf)).toEqual({ kind: 'fenced', epoch: null, owner: null });
  });

  it('answers refused with the items whose own condition did not hold', async () => {
    const { effects } = helper(
      lease(held),
      cancelled({ Code: 'None' }, { Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: { pk: { S: '12' } } }),
    );
    expect(await effects.write(contextOf(), recordsOf('11', '12'), itemsOf)).toEqual({
      kind: 'refused',
      items: [{ index: 1, item: { pk: { S: '12' } } }],
    });
  });

  it('tries again within milliseconds where another write conflicts', async () => {
    const conflict = cancelled({ Code: 'TransactionConflict' }, { Code: 'None' });
    const { effects, clock } = helper(lease(held), conflict, conflict, {});
    const answer = effects.write(contextOf(), recordsOf('11'), itemsOf);
    await clock.advance(40);
    expect(await answer).toEqual({ kind: 'written' });
  });

  it('fails with TransientError where the conflict lasts, so that the runtime tries again', async () => {
    const conflict = cancelled({ Code: 'TransactionConflict' }, { Code: 'None' });
    const { effects, clock } = helper(lease(held), conflict, conflict, conflict, conflict);
    const answer = effects.write(contextOf(), recordsOf('11'), itemsOf).catch((error: unknown) => error);
    await clock.advance(1000);
    expect(await answer).toBeInstanceOf(TransientError);
  });

  it('fails with TransientError where a table is throttled', async () => {
    const { effects } = helper(lease(held), cancelled({ Code: 'None' }, { Code: 'ProvisionedThroughputExceeded' }));
    await expect(effects.write(contextOf(), recordsOf('11'), itemsOf)).rejects.toThrow(TransientError);
  });

  it('fails with PoisonError for items that DynamoDB can never take, and says what to do', async () => {
    const late = helper(lease(held), cancelled({ Code: 'None' }, { Code: 'ValidationError', Message: 'too large' }));
    await expect(late.effects.write(contextOf(), recordsOf('11'), itemsOf)).rejects.toThrow(
      /item 0: ValidationError: too large; an item may/,
    );
    const early = helper(lease(held), Object.assign(new Error('one item twice'), { name: 'ValidationException' }));
    await expect(early.effects.write(contextOf(), recordsOf('11'), itemsOf)).rejects.toThrow(PoisonError);
  });

  it('fails with PoisonError for more items than a transaction takes, before anything is sent', async () => {
    const { client, effects } = helper(lease(held));
    const records = recordsOf(...Array.from({ length: 100 }, (_, i) => String(11 + i)));
    await expect(effects.write(contextOf(), records, itemsOf)).rejects.toThrow(
      /at most 99 items besides the lease, got 100.*maxBatchRecords/,
    );
    expect(client.transactions).toEqual([]);
  });

  it('fails in a shard with several lanes', async () => {
    const { effects } = helper(lease(held));
    await expect(effects.write({ ...contextOf(), lanes: 4 }, recordsOf('11'), itemsOf)).rejects.toThrow(
      /set concurrencyPerShard to 1, got 4/,
    );
  });

  it('fails for a second write of the same shard while one is under way', async () => {
    let finish = (): void => {};
    const slow = () => new Promise<object>((resolve) => (finish = () => resolve({})));
    const { effects } = helper(lease(held), slow, {});
    const first = effects.write(contextOf(), recordsOf('11'), itemsOf);
    await expect(effects.write(contextOf(), recordsOf('12'), itemsOf)).rejects.toThrow(/await each write/);
    await new Promise((resolve) => setImmediate(resolve));
    finish();
    expect(await first).toEqual({ kind: 'written' });
    expect(await effects.write(contextOf(), recordsOf('12'), itemsOf)).toEqual({ kind: 'written' });
  });

  it('fails with InvariantError where somebody else writes in its name', async () => {
    const moved = (through: string) =>
      cancelled({ Code: 'ConditionalCheckFailed', Item: toItem({ ...held, effectsThrough: through }) }, { Code: 'None' });
    const { effects } = helper(lease(held), moved('1'), moved('2'), moved('3'));
    await expect(effects.write(contextOf(), recordsOf('11'), itemsOf)).rejects.toThrow(InvariantError);
  });

  it('fails in a profiling shadow, whose effects must be kept apart', async () => {
    await expect(helper().effects.write(contextOf({ shadow: true }), recordsOf('11'), itemsOf)).rejects.toThrow(InvariantError);
  });

  it('sends nothing for no records and for records without effects', async () => {
    const { client, effects } = helper(lease(held));
    expect(await effects.write(contextOf(), [], itemsOf)).toEqual({ kind: 'written' });
    expect(await effects.write(contextOf(), recordsOf('11'), () => [])).toEqual({ kind: 'written' });
    expect(client.transactions).toEqual([]);
  });
});

describe('effectsProcessor', () => {
  it('returns when the effects are written, now or before', async () => {
    const { effects } = helper(lease(held), {});
    const processor = effectsProcessor(effects, itemsOf);
    await processor.process(recordsOf('11'), contextOf());
    await processor.process(recordsOf('11'), contextOf());
  });

  it('fails with FencedError that names the owner', async () => {
    const { effects } = helper(lease({ ...held, owner: 'b', epoch: 5 }));
    const call = effectsProcessor(effects, itemsOf).process(recordsOf('11'), contextOf());
    await expect(call).rejects.toThrow(FencedError);
    await expect(call).rejects.toThrow(/owner is b, epoch 5/);
  });

  it('keeps its effects apart in a profiling shadow, where that is declared', async () => {
    const { client, effects } = helper(lease(held));
    const put: unknown[] = [];
    const results = {
      tell: () => {},
      get: async () => null,
      put: async (key: string, value: unknown) => void put.push([key, value]),
    };
    const processor = effectsProcessor(effects, itemsOf, { shadowSafe: true });
    await processor.process(recordsOf('11', '12'), { ...contextOf(), shadow: true, leg: 'a', results });
    expect(put).toEqual([['11.0', itemsOf(recordsOf('11', '12'))]]);
    expect(client.transactions).toEqual([]);
    expect(processor.shadowSafe).toBe(true);
  });

  it('fails in a profiling shadow where it is not declared', async () => {
    const { effects } = helper(lease(held));
    const processor = effectsProcessor(effects, itemsOf);
    expect(processor.shadowSafe).toBe(false);
    await expect(processor.process(recordsOf('11'), { ...contextOf(), shadow: true })).rejects.toThrow(
      /must keep its effects apart/,
    );
  });

  it('fails with PoisonError for a condition that did not hold', async () => {
    const { effects } = helper(lease(held), cancelled({ Code: 'None' }, { Code: 'ConditionalCheckFailed' }));
    await expect(effectsProcessor(effects, itemsOf).process(recordsOf('11'), contextOf())).rejects.toThrow(PoisonError);
  });
});
