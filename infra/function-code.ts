// infra: all functions as one asset: esbuild bundles them in one pass (under a second, without Docker) and shares what they have in common.
// An installed package brings them bundled, and needs no esbuild.
// in: functions/*.ts · out: a directory with one module per function, chunks, and beside them the forecasting libraries' thread with its WebAssembly
import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType } from 'aws-cdk-lib';
import { Code, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type FunctionName, needs } from '../functions/needs.ts';

/** Runs beside the functions, in a thread. */
const THREAD = fileURLToPath(new URL('../lib/adapters/forecast-worker.ts', import.meta.url));
const FUNCTIONS = fileURLToPath(new URL('../functions/', import.meta.url));
/** Where the build of the package puts them. */
const BUNDLED = fileURLToPath(new URL('../lambda/', import.meta.url));
/** Some libraries in the bundle are CommonJS and ask for `require`. */
const REQUIRE =
  "import{createRequire as createRequireForBundle}from'node:module';const require=createRequireForBundle(import.meta.url);";

/** arima is CommonJS and asks where it is, too. */
const REQUIRE_AND_PLACE = `${REQUIRE}import{dirname as dirnameForBundle}from'node:path';const __filename=import.meta.filename,__dirname=dirnameForBundle(__filename);`;
/** The WebAssembly of the forecasting libraries, beside the thread that reads it by these names. */
const WASM: Readonly<Record<string, readonly string[]>> = {
  '@bsull/augurs/ets': ['ets_bg.wasm', 'mstl_bg.wasm', 'prophet_bg.wasm'],
  '@bsull/augurs-prophet-wasmstan': ['prophet-wasmstan.core.wasm', 'prophet-wasmstan.core2.wasm'],
};

/** Bundles the thread in which the forecasting libraries run, with their WebAssembly, into `outDir`. */
export const bundleForecastThread = (outDir: string): void => {
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  buildSync({
    entryPoints: [THREAD],
    outfile: join(outDir, 'forecast-worker.mjs'),
    bundle: true,
    format: 'esm',
    // Not `node`: Stan's WASI for Node would start a thread of its own from a file that a bundle does not have. It needs clocks and chance only.
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: ['node:*', 'buffer', 'fs', 'path', 'fs/promises'],
    target: 'node24',
    minify: true,
    banner: { js: REQUIRE_AND_PLACE },
    legalComments: 'none',
    logLevel: 'error',
  });
  for (const [library, files] of Object.entries(WASM)) {
    const folder = dirname(fileURLToPath(import.meta.resolve(library)));
    for (const file of files) copyFileSync(join(folder, file), join(outDir, file));
  }
};

/** Bundles every function into `outDir`. */
export const bundleFunctions = (outDir: string): void => {
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  const names = Object.keys(needs) as FunctionName[];
  buildSync({
    entryPoints: names.map((name) => join(FUNCTIONS, `${name}.ts`)),
    outdir: outDir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    minify: true,
    banner: { js: REQUIRE },
    legalComments: 'none',
    logLevel: 'error',
  });
  bundleForecastThread(outDir);
};

/** The code of all functions; the handler of each is `<name>.handler`. */
export const functionCode = (): Code => {
  if (!import.meta.url.endsWith('.ts')) return Code.fromAsset(BUNDLED);
  return Code.fromAsset(FUNCTIONS, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never used: the local bundling always succeeds or throws.
      image: Runtime.NODEJS_24_X.bundlingImage,
      local: {
        tryBundle: (outDir) => {
          bundleFunctions(outDir);
          return true;
        },
      },
    },
  });
};
