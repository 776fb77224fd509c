// lib/model: the nouns. Prices: what the parts cost of which Penumbra's actions are made, in US dollars.
import { z } from 'zod';

const Price = z.number().min(0);

export const Prices = z.strictObject({
  shardHour: Price,
  /** Per 25 KB unit, in millions. No action changes how many there are; the simulator's bills have them. */
  millionPutUnits: Price,
  /** One registered fan-out consumer, for each shard of the stream, per hour registered. */
  consumerShardHour: Price,
  consumerGigabyte: Price,
  /** Step Functions, standard workflows. */
  stateTransition: Price,
  millionLambdaRequests: Price,
  /** On Arm. */
  lambdaGigabyteSecond: Price,
  /** DynamoDB on demand: writes of up to 1 KB, consistent reads of up to 4 KB. */
  millionTableWrites: Price,
  millionTableReads: Price,
});
export type Prices = z.output<typeof Prices>;
