import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { loadForecastLibraries, readWasm } from '../../lib/adapters/forecast-libraries.ts';
import { dailyJump, MIDNIGHT, MINUTES_PER_DAY } from './series.ts';

const even = (values: Float64Array) => ({ values, startMs: MIDNIGHT, stepSec: 60 });

describe('loadForecastLibraries', () => {
  it('forecasts a daily season by exponential smoothing', () => {
    const [model] = loadForecastLibraries();
    const values = dailyJump(5 * MINUTES_PER_DAY);
    const origin = 4 * MINUTES_PER_DAY + 6 * 60 + 50;
    const forecast = model?.forecastAt(even(values), [origin], [5, 30])[0];
    expect(forecast!.quantiles[1]![1]).toBeGreaterThan(1.3 * values[origin - 1]!);
    expect(forecast!.windowMaxQuantiles[3]![1]).toBeGreaterThan(forecast!.quantiles[1]![1]!);
  });

  it('takes gaps, and answers null where there is too little to fit', () => {
    const [model] = loadForecastLibraries();
    const holed = dailyJump(3 * MINUTES_PER_DAY).map((value, i) => (i % 300 < 40 ? Number.NaN : value));
    const [young, plain, seasonal] = model!.forecastAt(even(holed), [30, 900, 3 * MINUTES_PER_DAY], [30]);
    expect(young).toBeNull();
    expect(plain!.quantiles[1]![0]).toBeGreaterThan(0);
    expect(seasonal!.quantiles[1]![0]).toBeGreaterThan(0);
  });

  it('runs in a bundle for a Lambda with the WebAssembly files beside it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'penumbra-bundle-'));
    try {
      const bundle = join(folder, 'index.mjs');
      await build({
        entryPoints: ['lib/adapters/forecast-libraries.ts'],
        bundle: true,
        platform: 'node',
        format: 'esm',
        outfile: bundle,
        logLevel: 'silent',
      });
      for (const module of ['ets', 'mstl'] as const) writeFileSync(join(folder, `${module}_bg.wasm`), readWasm(module));
      const bundled: typeof import('../../lib/adapters/forecast-libraries.ts') = await import(pathToFileURL(bundle).href);
      const values = even(dailyJump(2 * MINUTES_PER_DAY));
      expect(bundled.loadForecastLibraries()[0]?.forecastAt(values, [2880], [30])).toEqual(
        loadForecastLibraries()[0]?.forecastAt(values, [2880], [30]),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
