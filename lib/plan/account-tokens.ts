// lib/plan: the account's limit on splits and merges, as a token bucket over all streams.
// in: when reshards were begun · out: how many more may begin at this moment
//
// SplitShard and MergeShards take 5 calls a second each for the whole account. They are counted together, which is the safe side.

export const RESHARDS_PER_SEC = 5;
const BUCKET = 5;
/** Kept back for what the reactive net must do at once. */
export const RESERVED_TOKENS = 1;

/** Tokens left after these calls; the bucket holds five and is full at the first. A call of the future (another clock) counts as of now. */
export const reshardTokens = (begunAtMs: readonly number[], nowMs: number): number => {
  let [tokens, lastMs] = [BUCKET, Number.NEGATIVE_INFINITY];
  const refill = (atMs: number) => {
    tokens = Math.min(tokens + (Math.max(atMs - lastMs, 0) / 1000) * RESHARDS_PER_SEC, BUCKET);
    lastMs = atMs;
  };
  for (const atMs of begunAtMs.map((ms) => Math.min(ms, nowMs)).sort((a, b) => a - b)) {
    refill(atMs);
    tokens = Math.max(tokens - 1, 0);
  }
  refill(nowMs);
  return tokens;
};
