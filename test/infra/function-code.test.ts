import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '../../functions/needs.ts';
import { bundleFunctions } from '../../infra/function-code.ts';

const outDir = mkdtempSync(join(tmpdir(), 'penumbra-functions-'));
beforeAll(() => bundleFunctions(outDir), 60_000);
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

describe('bundleFunctions', () => {
  it.each(Object.keys(needs))('makes %s a module that loads by itself and exports its handler', async (name) => {
    const loaded = (await import(pathToFileURL(join(outDir, `${name}.mjs`)).href)) as { handler: unknown };
    expect(loaded.handler).toBeTypeOf('function');
  });

  it('puts the thread of the forecasting libraries with its WebAssembly beside them', () => {
    expect(
      readdirSync(outDir)
        .filter((file) => file.endsWith('.wasm') || file.startsWith('forecast-worker'))
        .sort(),
    ).toEqual([
      'ets_bg.wasm',
      'forecast-worker.mjs',
      'mstl_bg.wasm',
      'prophet-wasmstan.core.wasm',
      'prophet-wasmstan.core2.wasm',
      'prophet_bg.wasm',
    ]);
  });

  it('answers a call without its environment with an error that names each missing variable', async () => {
    const { handler } = (await import(pathToFileURL(join(outDir, 'collect.mjs')).href)) as {
      handler: (event: unknown, context: unknown) => Promise<unknown>;
    };
    await expect(handler({}, { getRemainingTimeInMillis: () => 5_000 })).rejects.toThrow(
      /PENUMBRA_STREAMS[\s\S]*PENUMBRA_DEMAND_TABLE/,
    );
  });
});
