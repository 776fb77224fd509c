// lib/plan: what things cost. List prices in US dollars by region, as collected in November 2026 from the pricing pages of Kinesis Data Streams, Step
// Functions, Lambda and DynamoDB (second-hand where a page could not be read). A region without a table of its own is reckoned at us-east-1's prices,
// and a policy may name its own: `prices`.
// in: a region, a policy · out: the prices that cost.ts reads
import type { Policy } from '../model/policy.ts';
import type { Prices } from '../model/prices.ts';

/** Prices of us-east-1. */
export const PRICES = {
  collectedOn: '2026-11',
  region: 'us-east-1',
  shardHour: 0.015,
  millionPutUnits: 0.014,
  consumerShardHour: 0.015,
  consumerGigabyte: 0.013,
  stateTransition: 0.000025,
  millionLambdaRequests: 0.2,
  lambdaGigabyteSecond: 0.0000133334,
  millionTableWrites: 0.625,
  millionTableReads: 0.125,
  /** On-demand Standard, for comparison only. */
  onDemandStreamHour: 0.04,
  onDemandGigabyteIn: 0.08,
  onDemandGigabyteOut: 0.04,
} as const;

export const HOURS_PER_MONTH = 730;

/** Regions that are known to cost as much as us-east-1. */
const SAME_AS_FIRST = ['us-east-1', 'us-east-2', 'us-west-2'];

const listPrices = (): Prices => {
  const {
    collectedOn: _,
    region: __,
    onDemandStreamHour: ___,
    onDemandGigabyteIn: ____,
    onDemandGigabyteOut: _____,
    ...rest
  } = PRICES;
  return rest;
};

/** The prices that hold for a stream, and where they come from, in words. */
export const pricesOf = (streamArn: string, policy: Pick<Policy, 'prices'>): { prices: Prices; source: string } => {
  const region = streamArn.split(':')[3] ?? '';
  const own = policy.prices ?? {};
  const list = `list prices of ${PRICES.region}, ${PRICES.collectedOn}`;
  const named = Object.keys(own).length > 0 ? `, with the policy’s own for ${Object.keys(own).join(', ')}` : '';
  const elsewhere = SAME_AS_FIRST.includes(region) ? '' : ` (none are known for ${region})`;
  return { prices: { ...listPrices(), ...own } as Prices, source: `${list}${elsewhere}${named}` };
};
