// bench/update-probe: what one DynamoDB update takes, asked again and again while something else is measured.
// in: a table of the local cloud · out: latencies, by what was going on
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { percentile } from '../local/summary.ts';

const EVERY_MS = 25;
/** An item of its own, in a partition that no group of workers has. */
const KEY = { group: { S: 'probe' }, shardId: { S: 'probe' } };

/** Asks until it is stopped. */
export class UpdateProbe {
  readonly #client = new DynamoDBClient({});
  readonly #tableName: string;
  readonly #tookMs = new Map<string, number[]>();
  #doing = 'idle';
  #isOver = false;
  readonly #asking: Promise<void>;

  constructor(tableName: string) {
    this.#tableName = tableName;
    this.#asking = this.#ask();
    this.#asking.catch(() => {});
  }

  /** What is asked from now on counts for this. */
  during(doing: string): void {
    this.#doing = doing;
  }

  /** The latencies of one sort, in milliseconds to a tenth. */
  latencies(doing: string): { readonly updateMsP50: number | null; readonly updateMsP99: number | null } {
    const took = this.#tookMs.get(doing) ?? [];
    const round = (value: number | null) => (value === null ? null : Math.round(value * 10) / 10);
    return { updateMsP50: round(percentile(took, 0.5)), updateMsP99: round(percentile(took, 0.99)) };
  }

  /** Throws what went wrong with a request. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#asking;
  }

  async #ask(): Promise<void> {
    while (!this.#isOver) {
      const doing = this.#doing;
      const began = performance.now();
      await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#tableName,
          Key: KEY,
          UpdateExpression: 'ADD asked :one',
          ExpressionAttributeValues: { ':one': { N: '1' } },
        }),
      );
      this.#tookMs.set(doing, [...(this.#tookMs.get(doing) ?? []), performance.now() - began]);
      await sleep(EVERY_MS);
    }
  }
}
