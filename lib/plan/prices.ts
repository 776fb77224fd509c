// lib/plan: what things cost. List prices of us-east-1 in US dollars, as collected in November 2026 from aws.amazon.com/kinesis/data-streams/pricing
// (second-hand where the page could not be read) and aws.amazon.com/step-functions/pricing.
// in: nothing · out: the price table that cost.ts reads

/** Prices in US dollars. */
export const PRICES = {
  collectedOn: '2026-11',
  region: 'us-east-1',
  shardHour: 0.015,
  /** Per 25 KB unit, in millions. */
  millionPutUnits: 0.014,
  /** One registered fan-out consumer, for each shard of the stream, per hour registered. */
  consumerShardHour: 0.015,
  consumerGigabyte: 0.013,
  /** On-demand Standard. */
  onDemandStreamHour: 0.04,
  onDemandGigabyteIn: 0.08,
  onDemandGigabyteOut: 0.04,
  stateTransition: 0.000025,
} as const;

export const HOURS_PER_MONTH = 730;
