import { describe, expect, it } from 'vitest';
import { FORECAST_DICTIONARY } from '../../lib/adapters/aws/forecast-dictionary.ts';
import { pack, unpack } from '../../lib/adapters/aws/packed.ts';
import { Forecast } from '../../lib/model/forecast.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';

const forecast: Forecast = {
  ...{ streamName: 'orders', scope: 'shard', hashKeyRange: WHOLE_RANGE, metric: 'records', model: 'incremental' },
  ...{ issuedAtMs: 1_793_750_400_000, observedUntilMs: 1_793_750_400_000, lastObserved: 553.6, horizonsSec: [60, 120, 300] },
  quantiles: [400, 477, 519, 533].map((rate) => [rate, rate + 8, rate + 31]),
  windowMaxQuantiles: [410, 487, 529, 543].map((rate) => [rate, rate + 9, rate + 35]),
  windowMaxMean: [440, 501, 555],
  ...{ reason: 'kept: best of 3 models by back-test', scores: [], status: 'ready', historyMinutes: 21_600 },
};
/** The forecast above as the first version with a dictionary wrote it. */
const WRITTEN =
  'rdTBCgIxDATQHxokbWaa9lvK3tyzsJ79d6knV7egYm4hMKd5eSF32c7rdv0J3r9+wQxo85DRxhxa3d33bCU/lYldfyfJQdkq6GlBZwRYBVld0JUalAOSjc0dYoIK53yZDEwNpEZcDbAVKOcRkBvk9RGALjqkDEU9ok4aZAmSpuq/Mf7M7+N23e4=';

describe('FORECAST_DICTIONARY', () => {
  it('reads what was written with it, and what was written before there was one', () => {
    const read = (bytes: Uint8Array) => unpack(Forecast, bytes, 'a test', FORECAST_DICTIONARY);
    expect(read(Buffer.from(WRITTEN, 'base64'))).toEqual(forecast);
    expect(read(pack(Forecast, forecast))).toEqual(forecast);
  });
});
